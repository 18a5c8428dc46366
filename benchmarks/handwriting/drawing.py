"""Draw a digit of MNIST on a larger picture: ink, paper, image files."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

Array = np.ndarray
Style = Callable[[Array, np.random.Generator], bytes]
STYLES: dict[str, Style] = {}
SIDE = 400


def style(draw: Style) -> Style:
    """Add a style: it takes a digit, uint8 (28, 28), light on dark, and returns an image file."""
    STYLES[draw.__name__] = draw
    return draw


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def from_array(pixels: Array) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def coverage(
    digit: Array, random_: np.random.Generator, *, side: int = SIDE, share: float | None = None
) -> Array:
    """Ink, 0 to 1, of a smooth digit that takes a share of a square, somewhere inside."""
    share = share or random_.uniform(0.45, 0.8)
    size = round(side * share * 28 / 20)
    big = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
    smooth = np.asarray(big.filter(ImageFilter.GaussianBlur(size / 90)), float)
    smooth = np.clip((smooth - 55) / 60, 0, 1)
    rows, columns = (np.flatnonzero(smooth.any(axis=axis)) for axis in (1, 0))
    ink = smooth[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    margin = side // 20
    top = random_.integers(margin, side - height - margin + 1)
    left = random_.integers(margin, side - width - margin + 1)
    field = np.zeros((side, side))
    field[top : top + height, left : left + width] = ink
    return field


def paper(random_: np.random.Generator, side: int = SIDE) -> Array:
    grain: Array = random_.normal(0, 2, (side, side))
    grain += random_.uniform(215, 245)
    return grain


def written(ink: Array, ground: Array, level: float = 25) -> Array:
    pixels: Array = ground * (1 - ink) + level * ink
    return pixels
