"""SavedModels in TensorFlow, through the signature that model servers call."""

from pathlib import Path
from typing import Any

from pipeline.export.contract import Contract, TensorSpec
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime


class SavedModelPredictor(Predictor):
    """The signature ``serving_default`` of a SavedModel."""

    def __init__(self, path: Path) -> None:
        import tensorflow as tf

        self._loaded = tf.saved_model.load(path)  # holds the variables of the signature
        self._signature = self._loaded.signatures["serving_default"]
        _, inputs = self._signature.structured_input_signature
        self.contract = Contract(
            inputs=tuple(_spec(name, spec) for name, spec in inputs.items()),
            outputs=tuple(
                _spec(name, spec) for name, spec in self._signature.structured_outputs.items()
            ),
        )

    def _run(self, images: Images) -> Probabilities:
        import tensorflow as tf

        [input_spec], [output_spec] = self.contract.inputs, self.contract.outputs
        outputs = self._signature(**{input_spec.name: tf.constant(images)})
        return outputs[output_spec.name].numpy()  # type: ignore[no-any-return]


def _spec(name: str, spec: Any) -> TensorSpec:
    return TensorSpec(name, spec.dtype.name, tuple(spec.shape.as_list()))


RUNTIME = Runtime("tensorflow", "saved_model", "tensorflow", "train", SavedModelPredictor)
