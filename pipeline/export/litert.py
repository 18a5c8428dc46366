"""The format ``litert``: built-in operators only, so any LiteRT interpreter can run it."""

from pathlib import Path

import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from pipeline.errors import ExportFailed, sentence
from pipeline.export.signatures import serving_function
from pipeline.export.trained_model import TrainedModel
from pipeline.models.compiled_function import compiled_function


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ``.tflite`` file.

    Raises:
        ExportFailed: the network needs an operator that is not built in.
    """
    [output] = trained.contract.outputs
    serve = serving_function(trained.model, trained.contract)
    # The converter would leave the weights as variables that are missing in the file, whose
    # outputs are NaN. Constants are in the file, and dense layers become FULLY_CONNECTED.
    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    module = tf.Module()
    module.serve = compiled_function(
        lambda image: {output.name: frozen(image)[0]}, *serve.input_signature
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.serve.get_concrete_function()], module
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        path.write_bytes(converter.convert())
    except ConverterError as error:
        raise ExportFailed(
            "export.formats: cannot export the network as litert with built-in operators only: "
            f"{sentence(error)} Choose another model.activation, or remove litert from "
            "export.formats."
        ) from error
