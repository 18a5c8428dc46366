"""Kinds of image files and of their pixels."""

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


def _drawn(digit: Array, random_: np.random.Generator) -> Image.Image:
    return from_array(written(coverage(digit, random_), paper(random_)))


@style
def png_of_16_bits(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(Image.fromarray(np.asarray(_drawn(digit, random_)).astype(np.uint16) * 257))


@style
def transparent_palette(digit: Array, random_: np.random.Generator) -> bytes:
    ink = coverage(digit, random_) > 0.5
    picture = Image.fromarray(ink.astype(np.uint8), "P")
    picture.putpalette([255, 255, 255, 0, 0, 160])
    return saved(picture, transparency=0)


@style
def poor_jpeg(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_drawn(digit, random_).convert("RGB"), "JPEG", quality=15)


@style
def webp(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_drawn(digit, random_).convert("RGB"), "WEBP", quality=60)


@style
def gif(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_drawn(digit, random_).quantize(8), "GIF")


@style
def tiff(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_drawn(digit, random_), "TIFF", compression="tiff_lzw")


@style
def bitmap(digit: Array, random_: np.random.Generator) -> bytes:
    return saved(_drawn(digit, random_).convert("RGB"), "BMP")
