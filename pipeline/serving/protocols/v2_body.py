"""Parse the body of a V2 inference request: JSON, then raw tensors if any."""

from typing import Any
from weakref import WeakKeyDictionary

from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import bad_request
from pipeline.serving.json_objects import read_object
from pipeline.serving.protocols.v2_request import InferenceRequest, read_images, read_request
from pipeline.serving.settings import Limits
from pipeline.serving.versions import Version

_MAX_DIGITS = 12
_MAX_CACHED_BYTES, _MAX_CACHED = 1024, 256  # of one JSON text; texts per version
_cache: WeakKeyDictionary[Version, dict[bytes, InferenceRequest]] = WeakKeyDictionary()


def split(body: bytes, json_length: str | None) -> tuple[bytes, memoryview | None]:
    """Split a body into its JSON and the raw tensors after it.

    Raises:
        ServingError: (400) the length is not a number, or exceeds the body's.
    """
    if json_length is None:
        return body, None
    is_number = json_length.isascii() and json_length.isdecimal()
    if not is_number or len(json_length) > _MAX_DIGITS or int(json_length) > len(body):
        raise bad_request(
            "Inference-Header-Content-Length must be the length of the JSON part in bytes, at most "
            f"{len(body):,}; got {json_length[:40]!r}."
        )
    length = int(json_length)
    return body[:length], memoryview(body)[length:]


def read_infer(
    limits: Limits, text: bytes, raw: memoryview | None, version: Version
) -> tuple[InferenceRequest, Images]:
    """Return a request and its images, uint8 (n, *image_shape).

    Raises:
        ServingError: (413) the JSON is too large; (400) the request is invalid.
    """

    def read(document: dict[str, Any]) -> tuple[InferenceRequest, Images]:
        request = read_request(document, version)
        return request, read_images(request, raw, version)

    if raw is None or len(text) > _MAX_CACHED_BYTES:
        return read_object(limits, text, read)
    request = _cached_request(limits, text, version)
    return request, read_images(request, raw, version)


def _cached_request(limits: Limits, text: bytes, version: Version) -> InferenceRequest:
    """Return a request; clients send the same JSON with every binary request of one size."""
    cached = _cache.setdefault(version, {})
    if text not in cached:
        if len(cached) >= _MAX_CACHED:
            cached.clear()
        cached[text] = read_object(limits, text, lambda document: read_request(document, version))
    return cached[text]
