"""Pictures of any size as images of one size, with their aspect ratio kept."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.artifacts.preprocessing import Fit
from pipeline.imaging.resizing import resized, resized_arrays

GRAY = np.random.default_rng(0).integers(0, 256, (8, 6), np.uint8)


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", (width // 2, 0, width, height))
    return picture


@pytest.mark.parametrize("fit", ["fit", "crop"])
def test_picture_of_the_size_keeps_its_pixels(fit: Fit) -> None:
    np.testing.assert_array_equal(resized(Image.fromarray(GRAY), (8, 6), fit, 1)[..., 0], GRAY)


def test_fit_shows_the_whole_picture_on_black() -> None:
    image = resized(halves(80, 40), (8, 8), "fit", 3)
    assert not image[:2].any()
    assert not image[-2:].any()
    assert image[2:6, 0].tolist() == [[255, 0, 0]] * 4
    assert image[2:6, -1].tolist() == [[0, 0, 255]] * 4


def test_crop_fills_the_image_with_the_center() -> None:
    picture = Image.new("L", (80, 40), 200)
    picture.paste(50, (0, 0, 20, 40))
    picture.paste(50, (60, 0, 80, 40))
    image = resized(picture, (8, 8), "crop", 1)
    np.testing.assert_allclose(image[:, 1:-1], 200, atol=5, rtol=0)  # bicubic: it overshoots


def test_size_is_height_and_width() -> None:
    assert resized(halves(30, 30), (4, 7), "fit", 3).shape == (4, 7, 3)
    assert resized(halves(30, 30), (4, 7), "crop", 1).shape == (4, 7, 1)


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["fit", "crop"]))
def test_any_aspect_ratio_can_be_resized(width: int, height: int, fit: Fit) -> None:
    image = resized(Image.new("L", (width, height), 255), (5, 9), fit, 1)
    assert image.shape == (5, 9, 1)
    assert image.max() == 255


def test_rotated_photograph_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the left side of the file is up
    file = io.BytesIO()
    halves(32, 16).save(file, "PNG", exif=exif)
    image = resized(Image.open(file), (32, 16), "fit", 3)
    assert image[0, 8].tolist() == [255, 0, 0]
    assert image[-1, 8].tolist() == [0, 0, 255]


def test_photograph_is_not_decoded_in_full() -> None:
    file = io.BytesIO()
    halves(1600, 800).save(file, "JPEG")
    with Image.open(file) as picture:
        image = resized(picture, (32, 32), "fit", 3)
        assert picture.size == (200, 100)
    np.testing.assert_allclose(image[16, 4], [255, 0, 0], atol=3, rtol=0)


def test_transparent_ground_is_opaque() -> None:
    ink = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), (2, 2, 6, 6))
    assert resized(ink, (8, 8), "fit", 3)[0, 0].tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = Image.fromarray(np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16))
    image = resized(deep, (8, 8), "fit", 1)
    assert (image.min(), image.max()) == (0, 255)


def test_gray_picture_as_color_has_three_equal_channels() -> None:
    image = resized(Image.fromarray(GRAY), (4, 4), "fit", 3)
    np.testing.assert_array_equal(image[..., :1], resized(Image.fromarray(GRAY), (4, 4), "fit", 1))
    assert (image == image[..., :1]).all()


def test_arrays_of_different_sizes_become_one() -> None:
    arrays = [np.full((4, 8, 1), 9, np.uint8), np.full((6, 6, 1), 7, np.uint8)]
    images = resized_arrays(arrays, (3, 3, 3), "crop")
    assert images.shape == (2, 3, 3, 3)
    assert np.unique(images[0]).tolist() == [9]
    assert np.unique(images[1]).tolist() == [7]


def test_arrays_of_the_shape_are_unchanged() -> None:
    arrays = GRAY[np.newaxis, ..., np.newaxis]
    assert resized_arrays(arrays, (8, 6, 1), "fit") is arrays
