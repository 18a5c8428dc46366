"""Pens and papers: thickness, color and tilt of strokes."""

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.handwriting.drawing import (
    SIDE,
    Array,
    coverage,
    from_array,
    paper,
    saved,
    style,
    written,
)


@style
def black_on_white(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(from_array(written(coverage(digit, random_), np.full((SIDE, SIDE), 255.0), 0)))


def _thinned(ink: Array) -> Array:
    """The medial axis: pixels that the opening of an erosion loses (Lantuejoul's formula)."""
    shape, axis = Image.fromarray((ink > 0.5).astype(np.uint8) * 255), np.zeros(ink.shape, bool)
    while np.asarray(shape).any():
        eroded = shape.filter(ImageFilter.MinFilter(3))
        opened = eroded.filter(ImageFilter.MaxFilter(3))
        axis |= np.asarray(shape) > np.asarray(opened)
        shape = eroded
    return axis


@style
def thin_pen(digit: Array, random_: np.random.Generator) -> bytes:
    axis = _thinned(coverage(digit, random_)).astype(np.uint8) * 255
    pen = Image.fromarray(axis).filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.GaussianBlur(1))
    ink = np.clip(np.asarray(pen, float) / 160, 0, 1)
    return saved(from_array(written(ink, paper(random_), random_.uniform(20, 90))))


@style
def thick_marker(digit: Array, random_: np.random.Generator) -> bytes:
    ink = Image.fromarray((coverage(digit, random_, share=0.65) * 255).astype(np.uint8))
    thick = np.asarray(ink.filter(ImageFilter.MaxFilter(9)), float) / 255
    return saved(from_array(written(thick, paper(random_))))


@style
def chalk(digit: Array, random_: np.random.Generator) -> bytes:
    ground = random_.uniform(20, 70) + random_.normal(0, 4, (SIDE, SIDE))
    return saved(from_array(written(coverage(digit, random_), ground, 220)).convert("RGB"))


@style
def pencil(digit: Array, random_: np.random.Generator) -> bytes:
    ink = coverage(digit, random_) * random_.uniform(0.6, 1, (SIDE, SIDE))
    return saved(from_array(written(ink, paper(random_), random_.uniform(120, 170))))


def _colored(ink: Array, ground: tuple[int, int, int], pen: tuple[int, int, int]) -> Image.Image:
    layers = [
        written(ink, np.full(ink.shape, float(g)), p) for g, p in zip(ground, pen, strict=True)
    ]
    return Image.merge("RGB", [from_array(layer) for layer in layers])


@style
def blue_pen(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_colored(coverage(digit, random_), (250, 248, 240), (30, 50, 170)))


@style
def red_on_yellow(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_colored(coverage(digit, random_), (250, 235, 130), (190, 30, 40)))


@style
def white_on_green_board(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_colored(coverage(digit, random_), (25, 80, 60), (235, 240, 235)))


def _tilted(digit: Array, random_: np.random.Generator, angle: float) -> bytes:
    ink = from_array(coverage(digit, random_, share=0.5) * 255)
    turned = np.asarray(ink.rotate(angle, Image.Resampling.BICUBIC), float) / 255
    return saved(from_array(written(turned, paper(random_))))


@style
def tilted_left(digit: Array, random_: np.random.Generator) -> bytes:
    return _tilted(digit, random_, random_.uniform(8, 16))


@style
def tilted_right(digit: Array, random_: np.random.Generator) -> bytes:
    return _tilted(digit, random_, -random_.uniform(8, 16))


@style
def faint(digit: Array, random_: np.random.Generator) -> bytes:
    sheet = paper(random_)
    return saved(from_array(written(coverage(digit, random_), sheet, sheet.mean() - 45)))


@style
def rough_strokes(digit: Array, random_: np.random.Generator) -> bytes:
    """A dry marker: holes in its ink."""
    holes = random_.random((SIDE // 4, SIDE // 4)) < 0.2
    ink = coverage(digit, random_) * (1 - np.kron(holes, np.ones((4, 4))))
    return saved(from_array(written(ink, paper(random_))))
