"""Convert image files to the raw pixels that a model takes."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.errors import ImageError
from pipeline.imaging.array_files import read_array
from pipeline.imaging.digits import MAX_SIDE, Finding, find_digits
from pipeline.imaging.jpeg import DecodingWork
from pipeline.imaging.opening import opened_picture, require_few_pixels
from pipeline.imaging.picture_formats import FORMATS_IN_WORDS
from pipeline.imaging.resizing import DETAIL, MODES, resized
from pipeline.system.regular_files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_PICTURE_BYTES = 64 * 2**20  # of a file; the largest photographs have 50 MB
_MAX_ARRAY_BYTES = 2**30  # of an array file: more than a million images of 28 x 28
_ARRAY = "a .npy array"  # what else can be used
_RESIZE = (
    "Resize it, so that it looks like the images of the data set, or publish the model again "
    "(pipeline run): it then accepts pictures of any size"
)
_EIGHT_BITS = {"1", "L", "P", "RGB"}  # Pillow modes that convert without loss of meaning


@dataclass(frozen=True)
class Pictures:
    """The images of a file, uint8 (n, height, width, channels), and what a picture shows.

    Without ``finding``, they are as in the file. With it, they are the digits found, left to right.
    """

    images: npt.NDArray[np.uint8]
    finding: Finding | None = None


def read_images(path: Path, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """Return the images of ``read_pictures``; exactly one of a picture."""
    read = read_pictures(path, preprocessing)
    return read.images if read.finding is None else read.finding.image[np.newaxis]


def read_pictures(path: Path, preprocessing: Preprocessing) -> Pictures:
    """Return uint8 (n, height, width, channels) in 0..255 from a picture or a ``.npy`` file.

    An array may be one image or many, with or without the axis of a single channel; it is not
    preprocessed.

    Raises:
        ImageError: the file cannot be read, or its images have the wrong size or kind.
    """
    where = str(path)
    try:
        file = open_regular(path)
    except OSError as error:
        raise ImageError(
            f"Cannot read {where} as an image: {error.strerror or error}. Check the path."
        ) from error
    with file:
        if path.suffix != ".npy":
            _require_size(file, _MAX_PICTURE_BYTES, "A picture", where)
            return decode_pictures(file, preprocessing, where=where)
        _require_size(file, _MAX_ARRAY_BYTES, "An array file", where)
        try:
            return Pictures(read_array(file, preprocessing.image_shape, where))
        except ValueError as error:
            raise _not_an_image(where, str(error)) from error


def decode_picture(
    file: IO[bytes], preprocessing: Preprocessing, *, where: str
) -> npt.NDArray[np.uint8]:
    """Return the image of ``decode_pictures``; of several digits the largest, black if none."""
    decoded = decode_pictures(file, preprocessing, where=where)
    return decoded.images[0] if decoded.finding is None else decoded.finding.image


def decode_pictures(
    file: IO[bytes], preprocessing: Preprocessing, *, where: str, otherwise: str = _ARRAY
) -> Pictures:
    """Return uint8 (n, height, width, channels) in 0..255 from a picture file.

    If the preprocessing finds digits, n is the number of digits found; otherwise n is 1. Error
    messages name the file by ``where``, and suggest ``otherwise`` in its place.

    Raises:
        ImageError: it cannot be read, or has the wrong size or kind.
    """
    if preprocessing.channels not in MODES:
        raise ImageError(
            f"The model takes images with {preprocessing.channels} channels, but pictures have 1 "
            f"or 3; got {where}. Use {otherwise} instead; its shape is "
            f"{preprocessing.image_shape}."
        )
    unreadable = partial(_not_an_image, where, otherwise=otherwise)
    with opened_picture(file, where, unreadable) as (picture, work):
        return _preprocessed(picture, preprocessing, work, where)


def decode_exact(
    file: IO[bytes], image_shape: tuple[int, ...], *, where: str
) -> npt.NDArray[np.uint8]:
    """Return uint8 (height, width, channels) in 0..255 from a picture file of exactly this size.

    Raises:
        ImageError: it cannot be read, or has the wrong size or kind.
    """
    height, width, channels = image_shape
    if channels not in MODES:
        raise ImageError(
            f"The model takes images with {channels} channels, but pictures have 1 or 3; got "
            f"{where}. Send an array instead."
        )
    unreadable = partial(_not_an_image, where, otherwise="an array")
    with opened_picture(file, where, unreadable) as (picture, _):
        return _exact(picture, (height, width), channels, where, "Resize it").reshape(image_shape)


def _preprocessed(
    picture: "Image", preprocessing: Preprocessing, work: DecodingWork, where: str
) -> Pictures:
    size, channels = preprocessing.size, preprocessing.channels
    if preprocessing.finds_digits:
        require_few_pixels(picture, work, MAX_SIDE, where)
        finding = find_digits(picture)
        images = [digit.image for digit in finding.digits]
        return Pictures(np.stack(images) if images else finding.image[np.newaxis][:0], finding)
    if preprocessing.name == "resize":
        require_few_pixels(picture, work, DETAIL * max(size), where)
        image = resized(picture, size, preprocessing.fit or "fit", channels)
    else:
        image = _exact(picture, size, channels, where, _RESIZE)
    return Pictures(image.reshape(1, *preprocessing.image_shape))


def _exact(
    picture: "Image", size: tuple[int, int], channels: int, where: str, advice: str
) -> npt.NDArray[np.uint8]:
    height, width = size
    if picture.size != (width, height):
        raise ImageError(
            f"An image must be {width} x {height} pixels; got {picture.width} x {picture.height} "
            f"in {where}. {advice}."
        )
    if picture.mode not in _EIGHT_BITS or "transparency" in picture.info:
        raise ImageError(
            f"An image must have 8 bits per channel and no transparency; got Pillow mode "
            f"{picture.mode} in {where}. Save it as grayscale or RGB."
        )
    return np.asarray(picture.convert(MODES[channels]), np.uint8)


def _require_size(file: BinaryIO, allowed: int, what: str, where: str) -> None:
    size = os.fstat(file.fileno()).st_size
    if size > allowed:
        raise ImageError(
            f"{what} must have at most {allowed:,} bytes; got {size:,} in {where}. Split it, or "
            "scale it down."
        )


def _not_an_image(where: str, reason: str, otherwise: str = _ARRAY) -> ImageError:
    return ImageError(
        f"Cannot read {where} as an image: {reason}. Use a {FORMATS_IN_WORDS} picture, or "
        f"{otherwise}."
    )
