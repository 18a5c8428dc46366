"""The function that every graph format is written from: named input, named output, free batch."""

from typing import Any

import keras
import tensorflow as tf

from pipeline.export.contract import Contract


def serving_function(model: keras.Model, contract: Contract) -> Any:
    """Return a ``tf.function`` from ``image`` to a dict that names the output.

    Exporters take names of outputs from the keys of the dict.
    """
    [input_spec], [output_spec] = contract.inputs, contract.outputs
    image = tf.TensorSpec(input_spec.shape, input_spec.dtype, name=input_spec.name)

    @tf.function(input_signature=[image])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        return {output_spec.name: model(image, training=False)}

    return serve
