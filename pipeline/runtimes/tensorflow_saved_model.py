"""SavedModels in TensorFlow, with the signatures that model servers call."""

import io
from pathlib import Path
from typing import Any

from pipeline.artifacts.model_contract import (
    ENCODED_INPUT,
    ENCODED_SIGNATURE,
    PNG_INPUT,
    SIGNATURE,
    Contract,
    TensorSpec,
)
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime


class SavedModelPredictor(Predictor):
    """The signatures ``serving_default`` and, if present, ``serving_encoded`` of a SavedModel."""

    def __init__(self, path: Path) -> None:
        import tensorflow as tf

        self._loaded = tf.saved_model.load(path)  # holds the variables of the signatures
        self._signature = self._loaded.signatures[SIGNATURE]
        if ENCODED_SIGNATURE in self._loaded.signatures:
            self._encoded = self._loaded.signatures[ENCODED_SIGNATURE]
            self.encoded_inputs = {PNG_INPUT: self._run_encoded}
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

    def _run_encoded(self, images: Images) -> Probabilities:
        import tensorflow as tf

        [output_spec] = self.contract.outputs
        files = tf.constant([_png(image) for image in images])
        return self._encoded(**{ENCODED_INPUT: files})[output_spec.name].numpy()  # type: ignore[no-any-return]


def _png(image: Images) -> bytes:
    """Return the PNG file of an image, uint8 (height, width, 1 or 3)."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()


def _spec(name: str, spec: Any) -> TensorSpec:
    return TensorSpec(name, spec.dtype.name, tuple(spec.shape.as_list()))


RUNTIME = Runtime(
    "tensorflow",
    ("saved_model",),
    PythonPackage("tensorflow", "tensorflow", "train", extra_modules=("PIL.Image",)),
    SavedModelPredictor,
    encoded_inputs=(PNG_INPUT,),
    unneeded_modules=("keras",),  # TensorFlow imports it if it is installed: 600 modules
)
