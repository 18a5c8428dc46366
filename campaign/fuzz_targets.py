"""The parsers of untrusted bytes, each as a function of bytes that raises on a fault only.

An error that the parser documents is not a fault. ``make fuzz`` calls them with inputs that
coverage guides; a test calls them with the committed corpus.
"""

import io
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from campaign.http_head import receive
from pipeline.artifacts.model_contract import contract_for
from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.errors import ImageError, ModelError
from pipeline.imaging.image_files import decode_picture
from pipeline.imaging.jpeg import read_decoding_work
from pipeline.publishing.published_folder import LABELS, MANIFEST, read_labels, read_version
from pipeline.runtimes.onnx_file import require_self_contained
from pipeline.serving import strict_json
from pipeline.serving.errors import ServingError
from pipeline.serving.grpc.messages import METHODS
from pipeline.serving.grpc.requests import read_request
from pipeline.serving.json_objects import read_object
from pipeline.serving.number_lists import NumberList
from pipeline.serving.protocols import tensorflow, v2_body
from pipeline.serving.settings import Limits
from pipeline.system.protobuf_wire import fields
from pipeline.tasks.registry import task_named

SHAPE = (2, 2, 1)
_LIMITS = Limits()
_CANONICAL = Preprocessing("mnist-canonical", (28, 28), 1)
_REJECTED = {400, 413, 501}


class Version:
    """What the parsers read of a version that is served."""

    model, text, number = "m", "1", 1
    task = task_named("multiclass")
    contract = contract_for(task.output(3), image_shape=SHAPE)


_VERSION: Any = Version()


def request_head(data: bytes) -> None:
    """A connection receives bytes in two pieces; the first byte chooses where they are cut."""
    cut = 1 + (data[0] if data else 0)
    response = receive(data[1:cut], data[cut:])
    assert b" 500 " not in response.partition(b"\r\n")[0], response
    assert b"Traceback" not in response


def predict_body(data: bytes) -> None:
    """TensorFlow Serving's row and column format, with long lists of numbers and without."""

    def read(document: dict[str, Any]) -> Any:
        return tensorflow.read_images(document, _VERSION)

    with _rejections():
        images, _ = read_object(_LIMITS, data, read)
        _require_images(images)


def infer_body(data: bytes) -> None:
    """The V2 protocol: JSON, then raw tensors; the first byte is the length of the latter."""
    size = data[0] if data else 0
    with _rejections():
        text, raw = v2_body.split(data[1:], str(max(0, len(data) - 1 - size)) if size else None)
        _, images = v2_body.read_infer(_LIMITS, text, raw, _VERSION)
        _require_images(images)


def number_list(data: bytes) -> None:
    """A list of images is read as JSON reads it, or not at all."""
    for flat in (False, True):
        images = NumberList(data).images(SHAPE, flat=flat)
        if images is not None:
            expected = np.asarray(json.loads(data)).reshape(-1, *SHAPE)
            np.testing.assert_array_equal(images, expected)


def strict(data: bytes) -> None:
    """Strict JSON accepts nothing that Python's parser rejects."""
    with _rejections():
        strict_json.read(data, lambda _: None)
        json.loads(data)


def protobuf(data: bytes) -> None:
    """The reader of the wire format ends, and stays inside the message."""
    with suppress(ValueError):
        total = sum(len(v) for _, v in fields(memoryview(data)) if not isinstance(v, int))
        assert total <= len(data)


def grpc_message(data: bytes) -> None:
    """A message of any call; the first byte is the method."""
    with _rejections():
        methods = list(METHODS)
        read_request(methods[(data[0] if data else 0) % len(methods)], data[1:], 4096)


def onnx_file(data: bytes) -> None:
    """The check for external data, of a file that may be anything."""
    path = _folder() / "model.onnx"
    path.write_bytes(data)
    with suppress(ModelError):
        require_self_contained(path)


def jpeg(data: bytes) -> None:
    """The work of decoding a JPEG is a number, whatever the bytes are."""
    work = read_decoding_work(data)
    assert 0 <= work.scans <= max(len(data), 2000)


def picture(data: bytes) -> None:
    """A PNG, JPEG or WebP file of a digit."""
    with suppress(ImageError):
        pixels = decode_picture(io.BytesIO(data), _CANONICAL, where="the body")
        assert pixels.shape == (28, 28, 1)
        assert pixels.dtype == np.uint8


def manifest(data: bytes) -> None:
    """A manifest of a published version, and the comparison with the files beside it."""
    (_folder() / MANIFEST).write_bytes(data)
    with suppress(ModelError):
        read_version(_folder()).alterations()


def labels(data: bytes) -> None:
    """The labels of a model."""
    (_folder() / LABELS).write_bytes(data)
    with suppress(ModelError):
        found = read_labels(_folder())
        assert all(isinstance(number, int) and number >= 1 for number in found.values())


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        request_head, predict_body, infer_body, number_list, strict, protobuf, grpc_message,
        onnx_file, jpeg, picture, manifest, labels,
    )
}  # fmt: skip


class _rejections:  # noqa: N801  (used like a function)
    """Suppress the errors that are sent to clients, but not those that say 500."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return isinstance(error, ServingError) and error.status in _REJECTED


def _require_images(images: Any) -> None:
    assert images.dtype == np.uint8
    assert images.shape[1:] == SHAPE
    assert len(images) > 0


@cache
def _folder() -> Path:
    """Return a folder that is removed when this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="campaign-fuzz-")
    _folders.append(folder)
    path = Path(folder.name, "1")
    path.mkdir()
    return path


_folders: list[tempfile.TemporaryDirectory[str]] = []
