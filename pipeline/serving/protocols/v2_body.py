"""The body of a V2 inference request -> its JSON and raw tensors -> what it asks."""

from typing import Any
from weakref import WeakKeyDictionary

from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import wrong
from pipeline.serving.json_objects import read_object
from pipeline.serving.protocols.v2_request import Question, read_images, read_question
from pipeline.serving.settings import Limits
from pipeline.serving.versions import Version

_MOST_DIGITS = 12
_LONGEST_KNOWN, _MOST_KNOWN = 1024, 256  # bytes of a text; texts of a version
_known: WeakKeyDictionary[Version, dict[bytes, Question]] = WeakKeyDictionary()


def split(body: bytes, json_length: str | None) -> tuple[bytes, memoryview | None]:
    """Part a body into its JSON and the raw tensors after it.

    Raises:
        ServingError: (400) the length is not a number of bytes of the body.
    """
    if json_length is None:
        return body, None
    is_number = json_length.isascii() and json_length.isdecimal()
    if not is_number or len(json_length) > _MOST_DIGITS or int(json_length) > len(body):
        raise wrong(
            "Inference-Header-Content-Length must be the length of the JSON part in bytes, at most "
            f"{len(body):,}; got {json_length[:40]!r}."
        )
    length = int(json_length)
    return body[:length], memoryview(body)[length:]


def read_infer(
    limits: Limits, text: bytes, raw: memoryview | None, version: Version
) -> tuple[Question, Images]:
    """Return what a request asks, and its images, uint8 (n, *image_shape).

    Raises:
        ServingError: (413) the JSON is too long; (400) it asks for something else.
    """

    def read(document: dict[str, Any]) -> tuple[Question, Images]:
        question = read_question(document, version)
        return question, read_images(question, raw, version)

    if raw is None or len(text) > _LONGEST_KNOWN:
        return read_object(limits, text, read)
    question = _known_question(limits, text, version)
    return question, read_images(question, raw, version)


def _known_question(limits: Limits, text: bytes, version: Version) -> Question:
    """Return what the JSON asks; before raw bytes a client sends the same with every request."""
    known = _known.setdefault(version, {})
    if text not in known:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[text] = read_object(limits, text, lambda asked: read_question(asked, version))
    return known[text]
