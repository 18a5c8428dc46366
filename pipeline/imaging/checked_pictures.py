"""Pictures of a data set: their form from the header, and their pixels at one size."""

import io
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.preprocessing import Fit
from pipeline.errors import ImageError
from pipeline.imaging.opening import opened_picture, require_few_pixels
from pipeline.imaging.picture_formats import FORMATS_IN_WORDS
from pipeline.imaging.resizing import DETAIL, resized

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
    with opened_picture(file, where, lambda reason: _damaged(where, reason)) as (picture, work):
        width, height = picture.size
        require_few_pixels(picture, work, 1, where)
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
    file = io.BytesIO(content)
    with opened_picture(file, where, lambda reason: _damaged(where, reason)) as (picture, work):
        require_few_pixels(picture, work, DETAIL * max(size), where)
        return resized(picture, size, fit, channels)


def _damaged(where: str, reason: str) -> ImageError:
    return ImageError(
        f"Cannot read {where} as a picture: {reason}. Replace it with a {FORMATS_IN_WORDS} "
        "picture, or remove it."
    )
