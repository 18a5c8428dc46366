"""The picture in a request's body: as it is, in a form, or as base64 in JSON."""

import base64
import binascii
from email.message import Message
from typing import Any

from pipeline.imaging.picture_formats import FORMATS_IN_WORDS
from pipeline.serving.errors import ServingError, bad_request
from pipeline.serving.http.messages import Request
from pipeline.serving.json_objects import json_type, read_object
from pipeline.serving.settings import Limits

FORM, JSON = "multipart/form-data", "application/json"
FIELD = "b64"  # as in TensorFlow Serving's REST API


def picture_in(request: Request, limits: Limits) -> bytes:
    """Return the bytes of the only picture in a body.

    Bodies of media types other than ``multipart/form-data`` and ``application/json`` are pictures.

    Raises:
        ServingError: (400) the body is empty, or a form or JSON without exactly one picture; (413)
            JSON exceeds its limit.
    """
    if not request.body:
        raise bad_request(f"The body must be a {FORMATS_IN_WORDS} picture; got nothing.")
    kind = Message()
    kind["content-type"] = request.header(b"content-type") or ""
    if kind.get_content_type() == FORM:
        return _in_form(request.body, kind.get_boundary())
    if kind.get_content_type() == JSON:
        return read_object(limits, request.body, _in_object)
    return request.body


def _in_form(body: bytes, boundary: str | None) -> bytes:
    """Return the content of the only file (RFC 7578, with the delimiters of RFC 2046, 5.1.1)."""
    if not boundary:
        raise _bad_form("a Content-Type header without a boundary")
    delimiter = b"\r\n--" + boundary.encode("latin-1")
    _, *parts, end = (b"\r\n" + body).split(delimiter)
    if not end.startswith(b"--"):
        raise _bad_form("a body without the closing boundary")
    split = [part.partition(b"\r\n\r\n") for part in parts]
    files = [content for head, _, content in split if b"filename" in head.lower()]
    if len(files) != 1:
        raise _bad_form(f"{len(files)} files in the body")
    return files[0]


def _bad_form(found: str) -> ServingError:
    return bad_request(
        f"A form must contain one file; got {found}. Send a picture as curl does with -F "
        "file=@digit.png."
    )


def _in_object(document: dict[str, Any]) -> bytes:
    text = document.get(FIELD)
    if list(document) != [FIELD] or not isinstance(text, str):
        keys = ", ".join(f"{name!r}: {json_type(value)}" for name, value in document.items())
        raise bad_request(
            f"A picture in JSON must be {{{FIELD!r}: its file in base64}}; got {{{keys:.80}}} in "
            "the body."
        )
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise bad_request(
            f"{FIELD!r} must be base64; got {len(text):,} characters in the body: {error}."
        ) from None
