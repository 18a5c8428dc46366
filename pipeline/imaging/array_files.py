"""Images in ``.npy`` files, which come from anywhere."""

from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.errors import ImageError

_HEADERS = {  # by version; 3.0 is for names of fields
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array(file: BinaryIO, image_shape: tuple[int, ...], where: str) -> npt.NDArray[np.uint8]:
    """Return images, uint8 (n, *image_shape), of an array file; they are read when they are used.

    Raises:
        ImageError: it contains no images of this shape.
        ValueError: it is damaged, or no array.
    """
    shape, fortran, dtype = _read_header(file)
    wanted = _shape_of_images(shape, image_shape) if dtype == np.uint8 else None
    if wanted is None:
        raise ImageError(
            f"An array must be uint8 of shape {image_shape} or (n, ...); got {dtype} of shape "
            f"{shape} in {where}. Save raw pixels, integers from 0 to 255: scaling is part of the "
            "model."
        )
    if 0 in shape:
        raise ImageError(f"{where} contains no images; its shape is {shape}. Save at least one.")
    order: Any = "F" if fortran else "C"
    array = np.memmap(file, dtype, "r", file.tell(), shape, order)  # ValueError if it is too short
    return np.asarray(array).reshape(wanted)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether the order is Fortran's, and dtype; the file is then at its data."""
    start = file.peek(2)[:2]  # type: ignore[attr-defined]
    if not start:
        raise ValueError("it is empty")
    if start == b"PK":
        raise ValueError("it is an archive of arrays, not one array")
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"its version is {'.'.join(map(str, version))}")
    try:
        shape, fortran, dtype = _HEADERS[version](file)
    except Exception as error:  # a damaged header can raise anything
        raise ValueError(str(error)) from error
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
