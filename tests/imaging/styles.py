"""Pictures of digits as people make them, drawn from images of MNIST.

Each style takes a digit, uint8 (28, 28), light on dark, and a random generator, and returns the
bytes of an image file.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Array = np.ndarray
Style = Callable[[Array, np.random.Generator], bytes]
STYLES: dict[str, Style] = {}
SIDE = 400


def style(draw: Style) -> Style:
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
    return ground * (1 - ink) + level * ink


@style
def black_on_white(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(from_array(written(coverage(digit, random_), np.full((SIDE, SIDE), 255.0), 0)))


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
def png_of_12_bits(digit: Array, random_: np.random.Generator) -> bytes:
    pixels = written(coverage(digit, random_), paper(random_)) / 255 * 4095
    return saved(Image.fromarray(np.clip(pixels, 0, 4095).astype(np.uint16)))


@style
def one_bit(digit: Array, random_: np.random.Generator) -> bytes:
    """Dithered, as Pillow's ``convert("1")`` and fax machines do."""
    return saved(from_array(written(coverage(digit, random_), paper(random_))).convert("1"))


@style
def cmyk_jpeg(digit: Array, random_: np.random.Generator) -> bytes:
    pixels = written(coverage(digit, random_), paper(random_))
    return saved(from_array(pixels).convert("RGB").convert("CMYK"), "JPEG")


@style
def transparent(digit: Array, random_: np.random.Generator) -> bytes:
    ink = coverage(digit, random_)
    picture = Image.new("RGBA", (SIDE, SIDE), (20, 20, 160, 0))
    picture.putalpha(from_array(ink * 255))
    return saved(picture)


@style
def turned_by_exif(digit: Array, random_: np.random.Generator) -> bytes:
    picture = from_array(written(coverage(digit, random_), paper(random_)))
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture.rotate(90).convert("RGB"), "JPEG", exif=exif)


@style
def chalk(digit: Array, random_: np.random.Generator) -> bytes:
    ground = random_.uniform(20, 70) + random_.normal(0, 4, (SIDE, SIDE))
    return saved(from_array(written(coverage(digit, random_), ground, 220)).convert("RGB"))


@style
def pencil(digit: Array, random_: np.random.Generator) -> bytes:
    ink = coverage(digit, random_) * random_.uniform(0.6, 1, (SIDE, SIDE))
    return saved(from_array(written(ink, paper(random_), random_.uniform(120, 170))))
