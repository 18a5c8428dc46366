"""Convert image files to the raw pixels that a model takes."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.errors import ImageError
from pipeline.imaging.digits import MAX_SIDE, Finding, find_digits
from pipeline.imaging.jpeg import DecodingWork, read_decoding_work
from pipeline.imaging.picture_formats import (
    FORMATS,
    FORMATS_IN_WORDS,
    require_known_compression,
    require_known_format,
)
from pipeline.imaging.resizing import DETAIL, MODES, resized
from pipeline.system.regular_files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# After decoding. JPEGs can be decoded at a smaller size, so photographs may be larger, unless the
# decoder has to buffer the whole image until the last scan.
_MAX_PIXELS = 20_000_000
_MAX_PICTURE_BYTES = 64 * 2**20  # of a file; the largest photographs have 50 MB
_MAX_ARRAY_BYTES = 2**30  # of an array file: more than a million images of 28 x 28
_MAX_SCANS = 50  # of a JPEG; each is a pass over the whole image: tens of milliseconds
_HEADERS = {  # of .npy files, by version; 3.0 is for names of fields
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_ARRAY = "a .npy array"  # what else can be used
_HEAD_BYTES = 16  # which name the format
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
    try:
        file = open_regular(path)
    except OSError as error:
        raise _unreadable(str(path), error) from error
    with file:
        if path.suffix == ".npy":
            return Pictures(_read_array(file, preprocessing.image_shape, str(path)))
        _require_size(file, _MAX_PICTURE_BYTES, "A picture", str(path))
        return decode_pictures(file, preprocessing, where=str(path))


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
    from PIL import Image, UnidentifiedImageError

    if preprocessing.channels not in MODES:
        raise ImageError(
            f"The model takes images with {preprocessing.channels} channels, but pictures have 1 "
            f"or 3; got {where}. Use {otherwise} instead; its shape is "
            f"{preprocessing.image_shape}."
        )
    try:
        # The header contains the size: an enormous picture is rejected before it is decoded.
        require_known_format(file.read(_HEAD_BYTES), where)
        file.seek(0)
        with Image.open(file, formats=FORMATS) as picture:
            require_known_compression(picture, where)
            work = _require_decodable(picture, where)
            return _preprocessed(picture, preprocessing, work, where)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise _unreadable(where, ValueError("unknown image format"), otherwise) from error
    except Exception as error:  # a damaged file can raise anything
        raise _unreadable(where, error, otherwise) from error


def _preprocessed(
    picture: "Image", preprocessing: Preprocessing, work: DecodingWork, where: str
) -> Pictures:
    size, channels = preprocessing.size, preprocessing.channels
    if preprocessing.finds_digits:
        _require_few_pixels(picture, work, MAX_SIDE, where)
        finding = find_digits(picture)
        images = [digit.image for digit in finding.digits]
        return Pictures(np.stack(images) if images else finding.image[np.newaxis][:0], finding)
    if preprocessing.name == "resize":
        _require_few_pixels(picture, work, DETAIL * max(size), where)
        image = resized(picture, size, preprocessing.fit or "fit", channels)
    else:
        image = _exact(picture, size, channels, where)
    return Pictures(image.reshape(1, *preprocessing.image_shape))


def _exact(
    picture: "Image", size: tuple[int, int], channels: int, where: str
) -> npt.NDArray[np.uint8]:
    height, width = size
    if picture.size != (width, height):
        raise ImageError(
            f"An image must be {width} x {height} pixels; got {picture.width} x {picture.height} "
            f"in {where}. Resize it, so that it looks like the images of the data set, or publish "
            "the model again (pipeline run): it then accepts pictures of any size."
        )
    if picture.mode not in _EIGHT_BITS or "transparency" in picture.info:
        raise ImageError(
            f"An image must have 8 bits per channel and no transparency; got Pillow mode "
            f"{picture.mode} in {where}. Save it as grayscale or RGB."
        )
    return np.asarray(picture.convert(MODES[channels]), np.uint8)


def _require_decodable(picture: "ImageFile", where: str) -> DecodingWork:
    """Return the decoding work of a picture; reject JPEGs that would take minutes."""
    if picture.format not in {"JPEG", "MPO"} or picture.fp is None:  # MPO: several JPEGs
        return DecodingWork(1, buffered=False)
    offset = picture.fp.tell()
    picture.fp.seek(0)
    work = read_decoding_work(picture.fp.read())
    picture.fp.seek(offset)
    if work.scans > _MAX_SCANS:
        raise ImageError(
            f"A JPEG must have at most {_MAX_SCANS} scans; got more in {where}. Save it again "
            "as a baseline (not progressive) JPEG."
        )
    return work


def _require_few_pixels(picture: "Image", work: DecodingWork, side: int, where: str) -> None:
    """Decode a JPEG at no more than it needs for ``side`` pixels; reject what is large even so."""
    size = picture.size
    picture.draft(None, (side, side))
    width, height = size if work.buffered else picture.size
    if width * height > _MAX_PIXELS:
        raise ImageError(
            f"A picture must have at most {_MAX_PIXELS:,} pixels, unless it is a baseline (not "
            f"progressive) JPEG; got {size[0]} x {size[1]} in {where}. Scale it down."
        )


def _require_size(file: BinaryIO, allowed: int, what: str, where: str) -> None:
    size = os.fstat(file.fileno()).st_size
    if size > allowed:
        raise ImageError(
            f"{what} must have at most {allowed:,} bytes; got {size:,} in {where}. Split it, or "
            "scale it down."
        )


def _read_array(file: BinaryIO, image_shape: tuple[int, ...], where: str) -> npt.NDArray[np.uint8]:
    """Return images of an array file, which are read only when they are used."""
    _require_size(file, _MAX_ARRAY_BYTES, "An array file", where)
    try:
        shape, fortran, dtype = _read_header(file)
    except Exception as error:  # a damaged header can raise anything
        raise _unreadable(where, error) from error
    wanted = _shape_of_images(shape, image_shape) if dtype == np.uint8 else None
    if wanted is None:
        raise ImageError(
            f"An array must be uint8 of shape {image_shape} or (n, ...); got {dtype} of shape "
            f"{shape} in {where}. Save raw pixels, integers from 0 to 255: scaling is part of the "
            "model."
        )
    if 0 in shape:
        raise ImageError(f"{where} contains no images; its shape is {shape}. Save at least one.")
    try:
        order: Any = "F" if fortran else "C"
        array = np.memmap(file, dtype, "r", file.tell(), shape, order)
    except ValueError as error:  # the file is shorter than its header says
        raise _unreadable(where, error) from error
    return np.asarray(array).reshape(wanted)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether the order is Fortran's, and dtype; the file is then at its data."""
    start = file.peek(2)[:2]  # type: ignore[attr-defined]
    if not start:
        raise ValueError("it is empty")
    if start == b"PK":
        raise TypeError("it is an archive of arrays, not one array")
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"its version is {'.'.join(map(str, version))}")
    shape, fortran, dtype = _HEADERS[version](file)
    return shape, fortran, dtype


def _shape_of_images(
    shape: tuple[int, ...], image_shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the shape of all images, or None if an array of this shape has no such images."""
    plain = image_shape[:-1] if image_shape[-1] == 1 else image_shape
    for one in (image_shape, plain):
        if shape == one:
            return (1, *image_shape)
        if shape[1:] == one and len(shape) == len(one) + 1:
            return (shape[0], *image_shape)
    return None


def _unreadable(where: str, error: Exception, otherwise: str = _ARRAY) -> ImageError:
    reason = getattr(error, "strerror", None)  # of the operating system
    advice = "Check the path." if reason else f"Use a {FORMATS_IN_WORDS} picture, or {otherwise}."
    return ImageError(f"Cannot read {where} as an image: {reason or error}. {advice}")
