"""The form of MNIST's images: size, place and thickness of the strokes."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.imaging.ink import Ink, stroke_width

if TYPE_CHECKING:
    from pipeline.imaging.morphology import Gray

SIZE, BOX = 28, 20  # pixels: the image, and the box that the digit is scaled to
# In all 60,000 training images, the center of mass is nearer to (14, 14) than this.
_OFF_CENTER = 0.53
_FINE = 4  # pixels for each of the box, where strokes are thickened or thinned
# Thickness of strokes in pixels of the box: 98 % of MNIST's digits are between the outer two.
_THIN, _THICK = 1.85, 4.5
_THICKENED, _THINNED = 2.4, 3.6


def is_mnist_form(image: "Gray") -> bool:
    """Return whether an image, uint8 (28, 28), fills a box of 20 pixels and is centered by mass."""
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    if not len(rows) or max(np.ptp(rows), np.ptp(columns)) + 1 != BOX:
        return False
    return all(abs(center - SIZE / 2) < _OFF_CENTER for center in _center_of_mass(image))


def mnist_form(ink: "Ink") -> "Gray":
    """Return a digit, uint8 (28, 28) in 0..255, from its ink, 0 to 1, cropped to it."""
    if max(ink.shape) != BOX:
        fine = _boxed(ink, BOX * _FINE)
        thickness = stroke_width(fine) / _FINE
        if not _THIN <= thickness <= _THICK:
            aim = _THICKENED if thickness < _THIN else _THINNED
            ink = _cropped(_grown(_sharpened(fine), (aim - thickness) / 2 * _FINE))
        ink = _boxed(ink, BOX)
    return centered((ink * 255).round().astype(np.uint8))


def centered(digit: "Gray") -> "Gray":
    """Place the center of mass of a digit, at most 28 x 28, at the center of 28 x 28 pixels."""
    field = np.zeros((SIZE, SIZE), np.uint8)
    height, width = digit.shape
    top, left = (
        int(np.clip(round(SIZE / 2 - center), 0, SIZE - length))
        for center, length in zip(_center_of_mass(digit), digit.shape, strict=True)
    )
    field[top : top + height, left : left + width] = digit
    return field


def _center_of_mass(image: "Gray") -> list[float]:
    return [
        float(np.average(np.arange(length), weights=image.sum(axis=1 - axis, dtype=np.int64)))
        for axis, length in enumerate(image.shape)
    ]


def _boxed(ink: "Ink", box: int) -> "Ink":
    """Scale ink to fit a box, preserving its aspect ratio."""
    from PIL import Image

    height, width = ink.shape
    scale = box / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    clipped: Ink = np.clip(np.asarray(scaled), 0, 1)
    return clipped


def _sharpened(ink: "Ink") -> "npt.NDArray[np.bool_]":
    shape: npt.NDArray[np.bool_] = np.greater(ink, ink.max() / 2)
    return shape


def _grown(shape: "npt.NDArray[np.bool_]", radius: float) -> "Ink":
    """Return a shape dilated by a disk, or eroded if the radius is negative."""
    reach = int(abs(radius)) + 1
    padded = np.pad(shape, 2 * reach)
    source = padded if radius > 0 else ~padded
    result = source.copy()
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if np.hypot(down, across) <= abs(radius):
                result |= np.roll(source, (down, across), (0, 1))
    return (result if radius > 0 else ~result).astype(np.float32)


def _cropped(ink: "Ink") -> "Ink":
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
