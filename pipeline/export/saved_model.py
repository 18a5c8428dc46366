"""The format ``saved_model``: signatures for raw bytes and for encoded images."""

from pathlib import Path

import tensorflow as tf

from pipeline.artifacts.model_contract import ENCODED_SIGNATURE, SIGNATURE
from pipeline.export.signatures import encoded_serving_function, serving_function
from pipeline.export.trained_model import TrainedModel


def write(trained: TrainedModel, folder: Path) -> None:
    """Write the SavedModel into ``folder`` itself, as TensorFlow Serving expects it."""
    module = tf.Module()
    # The variables are tracked directly: through the Keras model, TensorFlow saves copies of them,
    # and a loader in C++, such as TensorFlow Serving's, restores the copies.
    # Weights only: the state of dropout's generator is not used, and differs in each process.
    module.saved = [variable.value for variable in trained.model.weights]
    signatures = {
        SIGNATURE: serving_function(trained.model, trained.contract),
        ENCODED_SIGNATURE: encoded_serving_function(trained.model, trained.contract),
    }
    tf.saved_model.save(module, folder, signatures=signatures)
