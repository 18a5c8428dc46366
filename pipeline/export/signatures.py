"""The functions that are exported to graph formats: named input and output, any batch size."""

from typing import Any

import keras
import tensorflow as tf

from pipeline.artifacts.model_contract import ENCODED_INPUT, Contract
from pipeline.models.compiled_function import compiled_function


def serving_function(model: keras.Model, contract: Contract) -> Any:
    """Return a ``tf.function`` from ``image`` to a dict with the output.

    Exporters take the names of outputs from the keys of the dict.
    """
    [input_spec], [output_spec] = contract.inputs, contract.outputs
    image = tf.TensorSpec(input_spec.shape, input_spec.dtype, name=input_spec.name)

    def serve(image: Any) -> dict[str, Any]:
        return {output_spec.name: model(image, training=False)}

    return compiled_function(serve, image)


def encoded_serving_function(model: keras.Model, contract: Contract) -> Any:
    """Return a ``tf.function`` from PNG or JPEG files, as bytes, to a dict with the output.

    Raises:
        tf.errors.InvalidArgumentError: (by the function) a file is no image, or has another size.
    """
    [output_spec] = contract.outputs
    files = tf.TensorSpec([None], tf.string, name=ENCODED_INPUT)
    height, width, channels = contract.image_shape

    def decode(file: Any) -> Any:
        pixels = tf.io.decode_image(file, channels=channels, expand_animations=False)
        fits = tf.reduce_all(tf.shape(pixels) == [height, width, channels])
        size = f"an encoded image must have {height} x {width} pixels; got height, width, channels"
        with tf.control_dependencies([tf.debugging.Assert(fits, [size, tf.shape(pixels)])]):
            return tf.reshape(pixels, contract.image_shape)

    def serve_encoded(image_bytes: Any) -> dict[str, Any]:
        images = tf.map_fn(decode, image_bytes, fn_output_signature=tf.uint8)
        return {output_spec.name: model(images, training=False)}

    return compiled_function(serve_encoded, files)
