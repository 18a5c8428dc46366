"""Pictures of 28 x 28 pixels, and test images pasted into larger ones."""

import io

import numpy as np
from PIL import Image

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
def shifted(digit: Array, random_: np.random.Generator) -> bytes:
    """As far as no ink is lost."""
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    down = random_.integers(-rows[0], 28 - rows[-1])
    right = random_.integers(-columns[0], 28 - columns[-1])
    return saved(Image.fromarray(np.roll(digit, (down, right), (0, 1))))


@style
def shifted_dark(digit: Array, random_: np.random.Generator) -> bytes:
    with Image.open(io.BytesIO(shifted(digit, random_))) as picture:
        return saved(Image.eval(picture, lambda level: 255 - level))


@style
def small_in_28(digit: Array, random_: np.random.Generator) -> bytes:
    small = np.asarray(Image.fromarray(digit[3:25, 3:25]).resize((14, 14), Image.Resampling.BOX))
    field = np.zeros((28, 28), np.uint8)
    top, left = random_.integers(0, 15, 2)
    field[top : top + 14, left : left + 14] = small
    return saved(Image.fromarray(field))


@style
def filled_28(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(from_array(coverage(digit, random_, side=28, share=0.9) * 255))


@style
def larger_sheet(digit: Array, random_: np.random.Generator) -> bytes:
    side = int(random_.integers(40, 300))
    field = np.zeros((side, side), np.uint8)
    top, left = random_.integers(0, side - 27, 2)
    field[top : top + 28, left : left + 28] = digit
    return saved(Image.fromarray(field if random_.random() < 0.5 else 255 - field))


@style
def enlarged_sheet(digit: Array, random_: np.random.Generator) -> bytes:
    scale = random_.uniform(1, 12)
    size = round(28 * scale)
    side = size + int(random_.integers(0, 2 * size))
    field = np.zeros((side, side))
    top, left = random_.integers(0, side - size + 1, 2)
    big = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
    field[top : top + size, left : left + size] = np.asarray(big)
    return saved(from_array(240 - field * 0.85))


@style
def wide_picture(digit: Array, random_: np.random.Generator) -> bytes:
    sheet = Image.new("L", (3 * SIDE, SIDE), 240)
    drawn = from_array(written(coverage(digit, random_), np.full((SIDE, SIDE), 240.0)))
    sheet.paste(drawn, (int(random_.integers(0, 2 * SIDE)), 0))
    return saved(sheet)


@style
def tall_picture(digit: Array, random_: np.random.Generator) -> bytes:
    sheet = Image.new("L", (SIDE, 2 * SIDE), 240)
    drawn = from_array(written(coverage(digit, random_), np.full((SIDE, SIDE), 240.0)))
    sheet.paste(drawn, (0, int(random_.integers(0, SIDE))))
    return saved(sheet)


@style
def small_picture(digit: Array, random_: np.random.Generator) -> bytes:
    side = int(random_.integers(48, 100))
    return saved(from_array(written(coverage(digit, random_, side=side), paper(random_, side))))


@style
def large_photograph(digit: Array, random_: np.random.Generator) -> bytes:
    drawn = from_array(written(coverage(digit, random_), paper(random_)))
    large = drawn.resize((1600, 1600), Image.Resampling.BICUBIC)
    return saved(large.convert("RGB"), "JPEG", quality=85)


@style
def small_digit(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(from_array(written(coverage(digit, random_, share=0.12), paper(random_))))
