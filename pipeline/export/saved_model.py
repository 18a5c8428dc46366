"""The format ``saved_model``: signatures for raw bytes and for encoded images."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
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
    with _without_information():
        tf.saved_model.save(module, folder, signatures=signatures)


@contextmanager
def _without_information() -> Iterator[None]:
    """Hide where the assets are written, which TensorFlow prints in interactive sessions."""
    logger = logging.getLogger("tensorflow")
    before = logger.level
    logger.setLevel(max(before, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(before)
