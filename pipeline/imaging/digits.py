"""Find the digits in a picture, and bring each to the form of MNIST's images.

A digit is scaled to fit a box of 20 x 20 pixels, preserving its aspect ratio, and its center of
mass is placed at the center of 28 x 28 pixels (LeCun, Cortes, Burges: The MNIST database of
handwritten digits). It is light on dark.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pipeline.imaging.gray import gray_levels
from pipeline.imaging.marks import CROPPED, MIN_CONTRAST, Box, Mark, find_marks
from pipeline.imaging.mnist_form import SIZE, centered, is_mnist_form, mnist_form

if TYPE_CHECKING:
    from PIL.Image import Image

    from pipeline.imaging.morphology import Gray

MAX_SIDE = 512  # pixels: the smallest digit that is looked for then has 20, as in MNIST
_FLAT = 0.3  # of the pixels: a ground without any noise, as drawing programs make it

CUT_OFF = "cut off at the edge"
Kind = Literal["digit", "no digit", "several digits", "cut off at the edge"]
_REASONS: dict[Kind, str | None] = {
    "digit": None,
    "no digit": "no digit here",
    "several digits": "more than one digit",
    "cut off at the edge": CUT_OFF,
}


@dataclass(frozen=True)
class FoundDigit:
    """A digit as uint8 (28, 28, 1), 0 to 255; its box in the upright picture, in pixels.

    The box is left, top, right, bottom, the last two exclusive.
    """

    image: npt.NDArray[np.uint8]
    box: Box


@dataclass(frozen=True)
class Finding:
    """What a picture shows: its digits, from left to right."""

    kind: Kind
    digits: tuple[FoundDigit, ...] = ()

    @property
    def reason(self) -> str | None:
        """Why this is not a single, whole digit; None if it is one."""
        return _REASONS[self.kind]

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """The digit, the largest of several, or black: uint8 (28, 28, 1)."""
        if not self.digits:
            return np.zeros((SIZE, SIZE, 1), np.uint8)
        return max(self.digits, key=lambda digit: digit.box[3] - digit.box[1]).image


def find_digits(picture: "Image") -> Finding:
    """Return the digits of a picture of any size and polarity.

    A picture that has MNIST's form is its own only digit, unchanged.
    """
    gray = gray_levels(picture, max_side=MAX_SIDE)
    if gray.shape == (SIZE, SIZE):
        drawn = _drawn_form(gray)
        if drawn is not None:
            return Finding("digit", (FoundDigit(drawn[..., np.newaxis], (0, 0, SIZE, SIZE)),))
    scale = max(picture.size) / max(gray.shape)
    marks = find_marks(gray)
    return Finding(_kind(marks), tuple(_found(mark, scale) for mark in marks))


def _drawn_form(gray: "Gray") -> "Gray | None":
    """Return a 28 x 28 picture in MNIST's form if nothing but its place or polarity differs."""
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    ground = int(np.median(border))
    if np.mean(gray == ground) < _FLAT or ground not in {0, 255}:
        return None
    ink = gray if ground == 0 else ~gray
    if is_mnist_form(ink):
        return ink
    if int(ink.max()) < MIN_CONTRAST * 255:
        return None
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    moved = centered(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return moved if is_mnist_form(moved) else None


def _kind(marks: list[Mark]) -> Kind:
    if not marks:
        return "no digit"
    if len(marks) > 1:
        return "several digits"
    # A picture that is cropped to a digit touches it on at least three sides.
    return "cut off at the edge" if 0 < marks[0].touched < CROPPED else "digit"


def _found(mark: Mark, scale: float) -> FoundDigit:
    left, top, right, bottom = (round(scale * side) for side in mark.box)
    return FoundDigit(mnist_form(mark.ink)[..., np.newaxis], (left, top, right, bottom))
