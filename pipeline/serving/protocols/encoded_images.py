"""Images as files, as the signature ``serving_encoded`` of a SavedModel takes them."""

import base64
import binascii
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from pipeline.artifacts.model_contract import ENCODED_INPUT
from pipeline.errors import ImageError
from pipeline.imaging.image_files import decode_exact
from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import bad_request, deadline_exceeded, too_large
from pipeline.serving.json_objects import json_type
from pipeline.serving.number_lists import NumberList
from pipeline.serving.protocols.picture_thread import decode_in_thread
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

_BASE64 = "b64"


@dataclass(frozen=True)
class EncodedImages:
    """Files of images; ``where`` names their list in error messages."""

    files: Sequence[bytes]
    where: str

    def decoded_bytes(self, version: Version) -> int:
        """Return the memory that the images of a version take."""
        return len(self.files) * prod(version.contract.image_shape)


def read_rows(rows: Any) -> EncodedImages:
    """Return the files of ``instances``: each is ``{"b64": ...}``, by name of the input or not.

    Raises:
        ServingError: (400) one is something else.
    """
    named = [_unnamed(row) for row in _listed(rows, "instances")]
    return EncodedImages(_files(named, "instances"), "instances")


def read_columns(columns: Any) -> EncodedImages:
    """Return the files of ``inputs``: a list of ``{"b64": ...}``, by name of the input or not.

    Raises:
        ServingError: (400) one is something else.
    """
    listed = _listed(_unnamed(columns), "inputs")
    return EncodedImages(_files(listed, "inputs"), "inputs")


class Reserving(Protocol):
    """A request or call; ``reserved_bytes`` of memory are released when it has ended."""

    reserved_bytes: int


async def decode(
    service: Service, request: Reserving, found: EncodedImages, version: Version, deadline: float
) -> Images:
    """Return images, uint8 (n, *image_shape), whose memory is reserved for the request.

    Raises:
        ServingError: (413) all images together exceed the limit of a body; (429) those of all
            requests exceed the memory; (400) a file is not an image of the model's size; (504) the
            deadline passed.
    """
    limit, size = service.settings.limits.body_bytes, found.decoded_bytes(version)
    if size > limit:
        raise too_large("The decoded images", limit)
    service.reserve_memory(size)  # small files of one color become large images
    request.reserved_bytes += size
    return await decode_in_thread(deadline, _decode, found, version, deadline)


def _decode(found: EncodedImages, version: Version, deadline: float) -> Images:
    images = []
    for index, file in enumerate(found.files):
        if time.perf_counter() > deadline:  # the client no longer waits
            raise deadline_exceeded()
        where = f"{found.where}[{index}]"
        try:
            images.append(decode_exact(io.BytesIO(file), version.contract.image_shape, where=where))
        except ImageError as error:
            raise bad_request(str(error)) from None
    return np.stack(images)


def _unnamed(value: Any) -> Any:
    return value[ENCODED_INPUT] if type(value) is dict and list(value) == [ENCODED_INPUT] else value


def _listed(value: Any, where: str) -> list[Any]:
    if type(value) is not list or not value:
        got = "an empty list" if value == [] else json_type(value)
        got = "a list of numbers" if type(value) is NumberList else got
        raise bad_request(f"{where} must be a list of at least one image file; got {got}.")
    found: list[Any] = value
    return found


def _files(values: list[Any], where: str) -> list[bytes]:
    return [_file(value, f"{where}[{index}]") for index, value in enumerate(values)]


def _file(value: Any, where: str) -> bytes:
    text = value.get(_BASE64) if type(value) is dict and list(value) == [_BASE64] else None
    if type(text) is not str:
        raise bad_request(
            f'{where} must be {{"{ENCODED_INPUT}": {{"{_BASE64}": an image file in base64}}}}; got '
            f"{json_type(value)}."
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(
            f"{where} must be base64; got {len(text):,} characters: {error}."
        ) from None
