"""Reading image files, and rejecting unsuitable ones."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.errors import ImageError
from pipeline.imaging.image_files import read_images

SHAPE = (28, 28, 1)
EXACT = Preprocessing("exact", (28, 28), 1)
PIXELS = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)


def save(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


def test_grayscale_png_is_read_unchanged(tmp_path: Path) -> None:
    path = save(tmp_path / "digit.png", Image.fromarray(PIXELS))
    images = read_images(path, EXACT)
    assert images.shape == (1, *SHAPE)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[0, :, :, 0], PIXELS)


def test_rgb_with_equal_channels_equals_grayscale(tmp_path: Path) -> None:
    path = save(tmp_path / "digit.png", Image.fromarray(PIXELS).convert("RGB"))
    np.testing.assert_array_equal(read_images(path, EXACT)[0, :, :, 0], PIXELS)


def test_jpeg_is_read_approximately(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 28).astype(np.uint8), (28, 1))
    path = tmp_path / "digit.jpg"
    Image.fromarray(smooth).save(path, quality=95)
    assert np.abs(read_images(path, EXACT)[0, :, :, 0].astype(int) - smooth).max() < 12


def test_color_images_are_read_for_color_models(tmp_path: Path) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    path = save(tmp_path / "cat.png", Image.fromarray(colors))
    np.testing.assert_array_equal(read_images(path, Preprocessing("exact", (32, 32), 3))[0], colors)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (5, 28, 28), (5, 28, 28, 1)])
def test_array_may_hold_one_image_or_many(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(tmp_path / "a.npy", array)
    images = read_images(tmp_path / "a.npy", EXACT)
    np.testing.assert_array_equal(images.ravel(), array.ravel())
    assert images.shape[1:] == SHAPE


@pytest.mark.parametrize(
    ("mode", "size", "words"),
    [
        ("L", (29, 28), "must be 28 x 28 pixels; got 29 x 28"),
        ("L", (5000, 5000), "must be 28 x 28 pixels; got 5000 x 5000"),
        ("RGBA", (28, 28), "no transparency; got Pillow mode RGBA"),
        ("I;16", (28, 28), "8 bits per channel.*I;16"),
    ],
)
def test_wrong_size_or_kind_is_rejected(
    tmp_path: Path, mode: str, size: tuple[int, int], words: str
) -> None:
    path = save(tmp_path / "x.png", Image.new(mode, size))
    with pytest.raises(ImageError, match=words):
        read_images(path, EXACT)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("none.png", None, "No such file"),
        ("text.png", b"hello", "unknown image format"),
        ("empty.png", b"", "unknown image format"),
        ("gif.png", b"GIF89a\x1c\x00\x1c\x00\x00\x00\x00;", "Cannot read"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "got HEIC in .*JPEG.*Most Compatible"),
        ("a.png", b"\0\0\0\x20ftypavif\0\0\0\0", "got AVIF in .*Save it as PNG or JPEG"),
        ("a.pdf", b"%PDF-1.7", "got PDF in"),
        ("a.svg", b"<svg xmlns=", "got SVG in"),
        ("text.npy", b"hello", "Use a PNG"),
        ("empty.npy", b"", r"empty\.npy as an image: it is empty\. Use a PNG"),
        ("header.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran", "Use a PNG"),
    ],
)
def test_file_that_is_not_an_image_is_rejected(
    tmp_path: Path, name: str, body: bytes | None, words: str
) -> None:
    if body is not None:
        (tmp_path / name).write_bytes(body)
    with pytest.raises(ImageError, match=words):
        read_images(tmp_path / name, EXACT)


def test_truncated_png_is_rejected(tmp_path: Path) -> None:
    path = save(tmp_path / "cut.png", Image.fromarray(PIXELS))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"cut\.png as an image: image file is truncated"):
        read_images(path, EXACT)


@pytest.mark.parametrize(
    "array",
    [np.zeros((28, 28), np.float32), np.zeros((28, 27), np.uint8), np.zeros(784, np.uint8)],
)
def test_array_of_the_wrong_kind_is_rejected(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ImageError, match="An array must be uint8 of shape"):
        read_images(tmp_path / "a.npy", EXACT)


def test_pickled_array_is_rejected_without_loading(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "exploded",)  # type: ignore[return-value]

    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(ImageError):
        read_images(tmp_path / "a.npy", EXACT)
    assert not (tmp_path / "exploded").exists()


def test_archive_and_folder_are_rejected(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, a=np.zeros((28, 28), np.uint8))
    with pytest.raises(ImageError, match="an archive of arrays, not one array"):
        read_images(tmp_path / "a.npy", EXACT)
    with pytest.raises(ImageError, match="must be a regular file; got a folder"):
        read_images(tmp_path, EXACT)


def test_damaged_files_raise_only_image_errors(tmp_path: Path) -> None:
    """Five hundred mutations of a PNG and an array are read, or rejected in one sentence."""
    generator = np.random.default_rng(1)
    Image.fromarray(PIXELS).save(tmp_path / "good.png")
    np.save(tmp_path / "good.npy", PIXELS)
    for good in (tmp_path / "good.png", tmp_path / "good.npy"):
        body = good.read_bytes()
        for _ in range(250):
            damaged = bytearray(body)
            for offset in generator.integers(0, min(len(body), 160), 3):
                damaged[offset] = generator.integers(0, 256)
            path = tmp_path / f"bad{good.suffix}"
            path.write_bytes(damaged)
            try:
                assert read_images(path, EXACT).shape == (1, *SHAPE)
            except ImageError as error:
                assert str(path) in str(error)  # noqa: PT017  (either outcome is right)


@pytest.mark.timeout(60, func_only=True)
@pytest.mark.parametrize("name", ["pipe.npy", "pipe.png"])
def test_pipe_is_rejected_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(
        ImageError, match=f"{name} as an image: it must be a regular file; got a named p"
    ):
        read_images(tmp_path / name, EXACT)


@pytest.mark.parametrize("shape", [(0, 28, 28), (0, 28, 28, 1)])
def test_array_without_images_is_rejected(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    with pytest.raises(ImageError, match=rf"a\.npy contains no images; its shape is \({shape[0]},"):
        read_images(tmp_path / "a.npy", EXACT)


def array_of(path: Path, images: int, *, stored: int | None = None) -> Path:
    """A sparse array file, which takes no disk space."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (images, 28, 28)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 784 * (images if stored is None else stored))
    return path


def test_oversized_files_are_rejected_unread(tmp_path: Path) -> None:
    large = array_of(tmp_path / "large.npy", 50_000_000)
    text = r"An array file must have at most 1,073,741,824 bytes; got 39,200,000,\d+ in .*large.npy"
    with pytest.raises(ImageError, match=f"{text}. Split it, or scale it down"):
        read_images(large, EXACT)
    (tmp_path / "large.png").touch()
    os.truncate(tmp_path / "large.png", 10**9)
    with pytest.raises(ImageError, match="A picture must have at most 67,108,864 bytes; got 1,00"):
        read_images(tmp_path / "large.png", EXACT)


def test_array_shorter_than_its_header_says_is_rejected(tmp_path: Path) -> None:
    short = array_of(tmp_path / "short.npy", 10**6, stored=2)
    with pytest.raises(ImageError, match=r"Cannot read .*short\.npy as an image: mmap length"):
        read_images(short, EXACT)


def test_order_of_fortran_is_read(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    np.save(tmp_path / "a.npy", np.asfortranarray(images))
    np.testing.assert_array_equal(read_images(tmp_path / "a.npy", EXACT)[..., 0], images)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_read_unchanged(tmp_path: Path, kind: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "digit", kind)
    np.testing.assert_array_equal(read_images(tmp_path / "digit", EXACT)[0, ..., 0], PIXELS)


def test_tiff_with_a_jpeg_inside_is_rejected(tmp_path: Path) -> None:
    """The scans of the JPEG inside cannot be counted before it is decoded."""
    Image.fromarray(PIXELS).save(tmp_path / "digit.tif", compression="jpeg")
    with pytest.raises(ImageError, match=r"PackBits or CCITT; got jpeg in .*digit\.tif"):
        read_images(tmp_path / "digit.tif", EXACT)
