"""The format ``saved_model``: signature ``serving_default``, as TensorFlow Serving wants it."""

from pathlib import Path

import keras
import tensorflow as tf

from pipeline.export.contract import Contract
from pipeline.export.serving import serving_function


def write_saved_model(model: keras.Model, contract: Contract, folder: Path) -> None:
    """Write the SavedModel into ``folder`` itself."""
    module = tf.Module()
    module.model = model  # tracked, so that the variables are saved
    serve = serving_function(model, contract)
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
