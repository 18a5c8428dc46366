"""Images in the examples (``tf.train.Example``) of a classification request."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from pipeline.artifacts.model_contract import ENCODED_INPUT, INPUT
from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import ServingError, bad_request
from pipeline.serving.protocols.encoded_images import EncodedImages
from pipeline.serving.versions import Version

_WHERE = "example_list.examples"


def read_examples(examples: Sequence[Any], version: Version) -> Images | EncodedImages:
    """Return images, uint8 (n, *image_shape), or their files.

    Raises:
        ServingError: (400) there are none, or one does not have the feature of the first.
    """
    if not examples:
        raise bad_request(f"{_WHERE} must have at least one example; got none.")
    if ENCODED_INPUT in examples[0].features.feature:
        return EncodedImages([_file(*pair) for pair in enumerate(examples)], _WHERE)
    return np.concatenate([_image(*pair, version) for pair in enumerate(examples)])


def _file(index: int, example: Any) -> bytes:
    values = _values(example, ENCODED_INPUT, "bytes_list")
    if len(values) != 1:
        raise _wrong(index)
    return bytes(values[0])


def _image(index: int, example: Any, version: Version) -> Images:
    values, shape = _values(example, INPUT, "int64_list"), version.contract.image_shape
    if not values:
        raise _wrong(index)
    if len(values) != prod(shape):
        raise bad_request(
            f"{_WHERE}[{index}] must have {prod(shape):,} pixels, row by row; got {len(values):,}."
        )
    return tensors.from_flat(list(values), shape, 1, f"{_WHERE}[{index}]")


def _values(example: Any, name: str, kind: str) -> Sequence[Any]:
    features = example.features.feature
    found: Sequence[Any] = getattr(features[name], kind).value if name in features else ()
    return found


def _wrong(index: int) -> ServingError:
    return bad_request(
        f"{_WHERE}[{index}] must have, like the other examples, either the feature {INPUT!r}, an "
        f"int64_list of pixels, or {ENCODED_INPUT!r}, a bytes_list of one image file; got neither."
    )
