"""Untrusted picture files, opened only if they can be decoded with little time and memory."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.errors import ImageError
from pipeline.imaging.jpeg import read_decoding_work
from pipeline.imaging.picture_formats import (
    FORMATS,
    FORMATS_IN_WORDS,
    require_known_compression,
    require_known_format,
)
from pipeline.imaging.resizing import Fit, resized

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_PIXELS = 20_000_000  # after decoding: JPEGs can be decoded at a smaller size
_MAX_SCANS = 50  # of a JPEG; each is a pass over the whole image: tens of milliseconds
_HEAD_BYTES = 16
_ORIENTATION = 0x0112  # EXIF tag; from 5 on, width and height are swapped
_SWAPPED = 5
_GRAY = ("1", "L", "I", "F")  # beginnings of Pillow modes


@dataclass(frozen=True)
class Form:
    """What the header of a picture tells: its size when upright, and whether it can have color."""

    height: int
    width: int
    may_have_color: bool


def read_form(file: IO[bytes], where: str) -> Form:
    """Return the form of a picture, without decoding it.

    Raises:
        ImageError: it is not a picture that is accepted.
    """
    with _opened(file, where) as picture:
        width, height = picture.size
        if picture.getexif().get(_ORIENTATION, 1) >= _SWAPPED:
            width, height = height, width
        return Form(height, width, not picture.mode.startswith(_GRAY))


def decode_resized(
    content: bytes, size: tuple[int, int], fit: Fit, channels: int, *, where: str
) -> npt.NDArray[np.uint8]:
    """Return a picture file as ``resized`` does, uint8 (height, width, channels).

    Raises:
        ImageError: it is not a picture that is accepted, or it is damaged.
    """
    with _opened(io.BytesIO(content), where) as picture:
        return resized(picture, size, fit, channels)


@contextmanager
def _opened(file: IO[bytes], where: str) -> Iterator["Image"]:
    from PIL import Image, UnidentifiedImageError

    try:
        require_known_format(file.read(_HEAD_BYTES), where)
        file.seek(0)
        with Image.open(file, formats=FORMATS) as picture:
            require_known_compression(picture, where)
            _require_decodable(picture, file, where)
            yield picture
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise _damaged(where, f"it is not a {FORMATS_IN_WORDS} picture") from error
    except Exception as error:  # a damaged file can raise anything
        raise _damaged(where, str(error) or type(error).__name__) from error


def _require_decodable(picture: "Image", file: IO[bytes], where: str) -> None:
    """Reject pictures whose decoding would take much time or memory; the header tells."""
    is_decoded_smaller = False
    if picture.format in {"JPEG", "MPO"}:  # MPO: several JPEGs
        offset = file.tell()
        file.seek(0)
        work = read_decoding_work(file.read())
        file.seek(offset)
        is_decoded_smaller = not work.buffered
        if work.scans > _MAX_SCANS:
            raise ImageError(
                f"A JPEG must have at most {_MAX_SCANS} scans; got more in {where}. Save it again "
                "as a baseline (not progressive) JPEG."
            )
    if picture.width * picture.height > _MAX_PIXELS and not is_decoded_smaller:
        raise ImageError(
            f"A picture must have at most {_MAX_PIXELS:,} pixels, unless it is a baseline (not "
            f"progressive) JPEG; got {picture.width} x {picture.height} in {where}. Scale it down."
        )


def _damaged(where: str, reason: str) -> ImageError:
    return ImageError(f"Cannot read {where} as a picture: {reason}. Replace or remove it.")
