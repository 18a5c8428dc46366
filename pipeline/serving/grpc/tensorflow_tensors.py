"""TensorFlow's TensorProto: images, or their files, from requests; predictions for responses."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from pipeline.artifacts.model_contract import ENCODED_INPUT, ENCODED_SIGNATURE
from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import ServingError, bad_request
from pipeline.serving.grpc.messages import message
from pipeline.serving.protocols.encoded_images import EncodedImages
from pipeline.serving.versions import Version
from pipeline.tasks.task import Predictions

_PACKAGE = "tensorflow"
_UINT8, _STRING, _FLOAT = 4, 7, 1  # values of DataType
_MAX_REPEATED = 2**18  # pixels; a small message becomes as many bytes, which are not reserved


def read_images(
    inputs: Mapping[str, Any], signature: str, version: Version
) -> Images | EncodedImages:
    """Return images, uint8 (n, *image_shape), or their files for the signature that takes these.

    Raises:
        ServingError: (400) name, dtype, shape or values do not fit the signature.
    """
    encoded = signature == ENCODED_SIGNATURE
    name = ENCODED_INPUT if encoded else version.contract.inputs[0].name
    if set(inputs) != {name}:
        got = ", ".join(sorted(inputs))[:100] or "none"
        raise bad_request(f"inputs must contain one tensor, {name!r}; got {got}.")
    where = f"inputs[{name!r}]"
    shape = [dim.size for dim in inputs[name].tensor_shape.dim]
    if encoded:
        return _files(inputs[name], shape, where)
    return _images(inputs[name], shape, version, where)


def _images(tensor: Any, shape: list[int], version: Version, where: str) -> Images:
    _require_dtype(tensor, _UINT8, where, "Send raw pixels: scaling is part of the model.")
    sizes = list(version.contract.image_shape)
    if shape[1:] != sizes or shape[0] < 1:
        raise _wrong_shape(where, f"[batch, {', '.join(map(str, sizes))}]", shape)
    if tensor.tensor_content or not tensor.int_val:
        content = f"{where}.tensor_content"
        return tensors.from_bytes(
            tensor.tensor_content, version.contract.image_shape, shape[0], content
        )
    return _repeated(tensor.int_val, shape, version, where)


def _repeated(values: Any, shape: list[int], version: Version, where: str) -> Images:
    """Return images from a list whose last number stands for all that are missing."""
    where, image_shape = f"{where}.int_val", version.contract.image_shape
    missing = prod(shape) - len(values)
    if missing <= 0:
        return tensors.from_flat(list(values), image_shape, shape[0], where)
    if prod(shape) > _MAX_REPEATED:
        raise bad_request(
            f"{where} must have {prod(shape):,} numbers; got {len(values):,}. The last number is "
            f"repeated only for tensors of at most {_MAX_REPEATED:,} numbers. Send all pixels."
        )
    given = tensors.from_flat(list(values), (), len(values), where)
    return np.concatenate([given, np.full(missing, given[-1])]).reshape(-1, *image_shape)


def _files(tensor: Any, shape: list[int], where: str) -> EncodedImages:
    _require_dtype(tensor, _STRING, where, "Send image files as bytes.")
    if len(shape) != 1 or shape[0] != len(tensor.string_val) or not shape[0]:
        got = f"{shape!r:.60} with {len(tensor.string_val):,} strings"
        raise _wrong_shape(where, "[batch]", got)
    return EncodedImages(list(tensor.string_val), where)


def _require_dtype(tensor: Any, dtype: int, where: str, advice: str) -> None:
    if tensor.dtype != dtype:
        names = tensor.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_number
        got = names[tensor.dtype].name if tensor.dtype in names else f"number {tensor.dtype}"
        raise bad_request(f"{where} must have dtype {names[dtype].name}; got {got}. {advice}")


def _wrong_shape(where: str, expected: str, got: Any) -> ServingError:
    return bad_request(f"{where} must have shape {expected}, batch at least 1; got {got!s:.80}.")


def as_tensor(predictions: Predictions) -> Any:
    """Return float32 predictions in ``float_val``, where TensorFlow Serving's clients read them."""
    dims = [{"size": size} for size in predictions.shape]
    return message("TensorProto", _PACKAGE)(
        dtype=_FLOAT,
        tensor_shape={"dim": dims},
        float_val=np.ascontiguousarray(predictions, np.float32).ravel(),
    )
