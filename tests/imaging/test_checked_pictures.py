"""Untrusted picture files: their form, and what is refused."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ImageError
from pipeline.imaging.checked_pictures import Form, decode_resized, read_form
from pipeline.imaging.resizing import resized


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "may_have_color"),
    [("1", False), ("L", False), ("LA", False), ("I;16", False), ("P", True), ("RGB", True)],
)
def test_form_is_that_of_the_header(mode: str, may_have_color: bool) -> None:
    file = saved(Image.new(mode, (7, 5)))
    assert read_form(io.BytesIO(file), "x") == Form(5, 7, may_have_color)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_all_formats_are_resized_alike(kind: str) -> None:
    picture = Image.new("RGB", (40, 30), (200, 100, 50))
    file = saved(picture, kind)
    expected = resized(Image.open(io.BytesIO(file)), (6, 8), "fit", 3)
    np.testing.assert_array_equal(decode_resized(file, (6, 8), "fit", 3, where="x"), expected)


def test_large_photograph_is_accepted_and_a_large_drawing_is_not() -> None:
    large = Image.new("L", (6000, 4000))
    assert decode_resized(saved(large, "JPEG"), (6, 6), "crop", 1, where="x").shape == (6, 6, 1)
    with pytest.raises(ImageError, match=r"at most 20,000,000 pixels, .*; got 6000 x 4000 in x"):
        decode_resized(saved(large), (6, 6), "crop", 1, where="x")
    with pytest.raises(ImageError, match="at most 20,000,000 pixels"):
        decode_resized(saved(large, "JPEG", progressive=True), (6, 6), "crop", 1, where="x")


def test_jpeg_of_many_scans_is_refused() -> None:
    file = saved(Image.new("L", (8, 8)), "JPEG", progressive=True)
    start = file.index(b"\xff\xda")
    scan = file[start : file.rindex(b"\xff\xd9")]
    with pytest.raises(ImageError, match="A JPEG must have at most 50 scans; got more in x"):
        decode_resized(file[:start] + scan * 60 + b"\xff\xd9", (6, 6), "fit", 1, where="x")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "unknown image format. Replace it with a PNG, JPEG, WebP, GIF, BMP or TIFF picture"),
        (saved(Image.effect_noise((30, 30), 50))[:-40], "Cannot read x as a picture: "),
        (b"%PDF-1.7 and more bytes", "got PDF in x. Save it as PNG or JPEG."),
    ],
)
def test_other_files_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_resized(content, (6, 6), "fit", 1, where="x")
    assert words in str(caught.value)
