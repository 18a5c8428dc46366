"""What is around a digit in a photograph: shadows, lines of the paper, frames, a table, a thumb."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

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


def _shadow(digit: Array, random_: np.random.Generator, depth: float) -> bytes:
    angle = random_.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    along = rows * np.sin(angle) + columns * np.cos(angle) - random_.uniform(-0.4, 0.4)
    shade = 1 - depth / (1 + np.exp(-along / random_.uniform(0.03, 0.12)))
    pixels = written(coverage(digit, random_), paper(random_)) * shade
    return saved(from_array(pixels).convert("RGB"), "JPEG", quality=85)


@style
def shadow_edge(digit: Array, random_: np.random.Generator) -> bytes:
    return _shadow(digit, random_, 0.45)


@style
def shadow_strong(digit: Array, random_: np.random.Generator) -> bytes:
    return _shadow(digit, random_, 0.7)


def _lined(
    digit: Array, random_: np.random.Generator, *, squared: bool, tilt: float = 0.0
) -> bytes:
    step, level = int(random_.integers(24, 50)), random_.uniform(120, 205)
    sheet = Image.new("L", (2 * SIDE, 2 * SIDE), int(random_.uniform(235, 255)))
    draw, width = ImageDraw.Draw(sheet), int(random_.integers(1, 3))
    for place in range(int(random_.integers(0, step)), 2 * SIDE, step):
        draw.line((0, place, 2 * SIDE, place), int(level), width)
        if squared:
            draw.line((place, 0, place, 2 * SIDE), int(level), width)
    turned = sheet.rotate(tilt, Image.Resampling.BICUBIC)
    ground = np.asarray(turned.crop((200, 200, 200 + SIDE, 200 + SIDE)), float)
    pixels = written(coverage(digit, random_), ground, random_.uniform(0, 70))
    return saved(from_array(pixels + random_.normal(0, 2, pixels.shape)).convert("RGB"))


@style
def ruled_paper(digit: Array, random_: np.random.Generator) -> bytes:
    return _lined(digit, random_, squared=False)


@style
def squared_paper(digit: Array, random_: np.random.Generator) -> bytes:
    return _lined(digit, random_, squared=True)


@style
def squared_paper_askew(digit: Array, random_: np.random.Generator) -> bytes:
    return _lined(digit, random_, squared=True, tilt=random_.uniform(-3, 3))


def _framed(digit: Array, random_: np.random.Generator, inset: int, width: int) -> bytes:
    picture = from_array(written(coverage(digit, random_, share=0.6), paper(random_)))
    far = SIDE - 1 - inset
    ImageDraw.Draw(picture).rectangle((inset, inset, far, far), outline=15, width=width)
    return saved(picture)


@style
def border_at_edge(digit: Array, random_: np.random.Generator) -> bytes:
    return _framed(digit, random_, 0, int(random_.integers(1, 9)))


@style
def frame_inset(digit: Array, random_: np.random.Generator) -> bytes:
    return _framed(digit, random_, int(random_.integers(4, 20)), int(random_.integers(1, 8)))


@style
def border_line(digit: Array, random_: np.random.Generator) -> bytes:
    sheet, place = from_array(paper(random_)), int(random_.integers(0, 15))
    ImageDraw.Draw(sheet).line((place, 0, place, SIDE), 30, int(random_.integers(1, 8)))
    ground = np.rot90(np.asarray(sheet, float), int(random_.integers(0, 4)))
    return saved(from_array(written(coverage(digit, random_, share=0.6), ground)))


@style
def sheet_on_dark_table(digit: Array, random_: np.random.Generator) -> bytes:
    table = random_.uniform(30, 90) + random_.normal(0, 5, (SIDE, SIDE))
    side = int(random_.integers(200, 340))
    sheet = written(coverage(digit, random_, side=side, share=0.55), paper(random_, side))
    pasted = Image.fromarray(sheet.astype(np.float32))
    angle = random_.uniform(-8, 8)
    mask = Image.new("L", pasted.size, 255).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    picture = Image.fromarray(table.astype(np.float32))
    turned = pasted.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    left, top = (int(random_.integers(0, SIDE - length + 1)) for length in turned.size)
    picture.paste(turned, (left, top), mask)
    blurred = from_array(np.asarray(picture)).filter(ImageFilter.GaussianBlur(1))
    return saved(blurred.convert("RGB"), "JPEG", quality=88)


@style
def thumb_in_corner(digit: Array, random_: np.random.Generator) -> bytes:
    ink = coverage(digit, random_, share=0.55)
    thumb, size = Image.new("L", (SIDE, SIDE)), int(random_.integers(60, 110))
    ImageDraw.Draw(thumb).ellipse((SIDE - size, SIDE - size, SIDE + size, SIDE + size), 255)
    soft = np.asarray(thumb.filter(ImageFilter.GaussianBlur(2)), float) / 255
    corners = [np.rot90(soft, turns) for turns in random_.permutation(4)]
    free = next((corner for corner in corners if not (ink * corner).any()), 0 * soft)
    pixels = written(free, written(ink, paper(random_)), random_.uniform(60, 130))
    return saved(from_array(pixels).convert("RGB"), "JPEG", quality=85)


@style
def stray_dots(digit: Array, random_: np.random.Generator) -> bytes:
    picture = from_array(written(coverage(digit, random_), paper(random_)))
    draw = ImageDraw.Draw(picture)
    for x, y in random_.integers(0, SIDE, (5, 2)):
        size = int(random_.integers(2, 7))
        draw.ellipse((int(x), int(y), int(x) + size, int(y) + size), 30)
    return saved(picture)


@style
def vignette(digit: Array, random_: np.random.Generator) -> bytes:
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    shade = 1 - random_.uniform(0.2, 0.35) * (rows**2 + columns**2)
    return saved(from_array(written(coverage(digit, random_), paper(random_)) * shade))


@style
def lamp_from_the_side(digit: Array, random_: np.random.Generator) -> bytes:
    light = np.linspace(0.3, 1, SIDE)[:: random_.choice([-1, 1])]
    pixels = written(coverage(digit, random_), paper(random_)) * light
    return saved(from_array(pixels).convert("RGB"), "JPEG", quality=85)


@style
def fold_in_the_paper(digit: Array, random_: np.random.Generator) -> bytes:
    sheet = paper(random_)
    sheet[:, random_.integers(100, 300) :] -= random_.uniform(15, 40)
    return saved(from_array(written(coverage(digit, random_), sheet)))


@style
def grainy(digit: Array, random_: np.random.Generator) -> bytes:
    pixels = written(coverage(digit, random_), paper(random_))
    noisy = pixels + random_.normal(0, 12, pixels.shape)
    return saved(from_array(noisy).convert("RGB"), "JPEG", quality=80)


@style
def out_of_focus(digit: Array, random_: np.random.Generator) -> bytes:
    picture = from_array(written(coverage(digit, random_), paper(random_)))
    blurred = picture.filter(ImageFilter.GaussianBlur(random_.uniform(3, 6)))
    return saved(blurred.convert("RGB"), "JPEG", quality=85)
