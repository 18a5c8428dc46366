"""``.keras`` files in Keras: the trained model itself, for training and as the reference."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.model_contract import Contract, TensorSpec
from pipeline.runtimes.onnx_layers import DenseLayer
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import CHUNK, Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime


class KerasPredictor(Predictor):
    """A Keras model from a file; code in the file is not executed (``safe_mode``)."""

    def __init__(self, path: Path) -> None:
        import keras
        import tensorflow as tf

        self._model = model = keras.models.load_model(path, compile=False, safe_mode=True)
        self._call = tf.function(  # traced once: the last chunk of images is smaller
            lambda images: model(images, training=False),
            input_signature=[tf.TensorSpec(model.inputs[0].shape, tf.uint8)],
            autograph=False,  # as in training: see models/compiled_function.py
        )
        self.contract = Contract(
            inputs=tuple(_spec(tensor.name, tensor) for tensor in model.inputs),
            outputs=tuple(map(_spec, model.output_names, model.outputs)),
        )

    def load_weights(self, path: Path) -> None:
        """Replace the weights by those of a file with the same layers."""
        self._model.load_weights(path)

    def first_layer(self) -> DenseLayer:
        """Return the first dense layer, for pixels from 0 to 255, without its activation."""
        layers = self._model.layers
        scale = next(layer.scale for layer in layers if hasattr(layer, "scale"))
        kernel, bias = next(layer for layer in layers if hasattr(layer, "kernel")).get_weights()
        return DenseLayer(np.float32(scale) * kernel, bias)

    def outputs_of(self, layer: str, images: Images) -> Probabilities | None:
        """Return the outputs of a layer, float32 (n, ...), in chunks; None without this layer."""
        import keras

        if layer not in (each.name for each in self._model.layers):
            return None
        part = keras.Model(self._model.input, self._model.get_layer(layer).output)
        firsts = range(0, len(images), CHUNK)
        chunks = (np.asarray(images[first : first + CHUNK]) for first in firsts)
        return np.concatenate([part(chunk, training=False).numpy() for chunk in chunks])

    def _run(self, images: Images) -> Probabilities:
        import tensorflow as tf

        return self._call(tf.constant(images)).numpy()  # type: ignore[no-any-return]


def _spec(name: str, tensor: Any) -> TensorSpec:
    return TensorSpec(name, str(tensor.dtype), tuple(tensor.shape))


RUNTIME = Runtime(
    "keras",
    ("keras",),
    PythonPackage("keras", "keras", "train", extra_modules=("tensorflow",)),
    KerasPredictor,
    unneeded_modules=("matplotlib", "sklearn"),  # for Keras' galleries and wrappers
)
