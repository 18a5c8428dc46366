"""Converting pictures to the form of MNIST's images, with real and drawn digits."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipeline import load_model
from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.errors import ImageError
from pipeline.imaging.digits import find_digits
from pipeline.imaging.image_files import decode_picture
from pipeline.imaging.jpeg import read_decoding_work
from pipeline.imaging.mnist_form import BOX, SIZE
from pipeline.runtimes.predictor import Predictor
from tests.support.command_line import assert_error, command, in_process

Array = np.ndarray
CANONICAL = Preprocessing("mnist-canonical", (SIZE, SIZE), 1)


@pytest.fixture(scope="module")
def model(smoke: Path) -> Predictor:
    return load_model(smoke / "exported" / "smoke")


@pytest.fixture(scope="module")
def digits(smoke: Path) -> tuple[Array, Array]:
    [data] = (smoke / "runs" / "data").iterdir()
    return np.load(data / "test_images.npy")[..., 0], np.load(data / "test_labels.npy")


def enlarged(
    digit: Array, *, scale: float, dark: bool, random_: np.random.Generator
) -> Image.Image:
    """A digit somewhere on a larger sheet, light on dark or dark gray on grainy paper."""
    size = round(SIZE * scale)
    big = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
    sheet = np.zeros((round(60 * scale), round(50 * scale)))
    top = random_.integers(0, sheet.shape[0] - size)
    left = random_.integers(0, sheet.shape[1] - size)
    sheet[top : top + size, left : left + size] = np.asarray(big)
    if dark:
        sheet = 235 - 0.8 * sheet + random_.normal(0, 4, sheet.shape)
    return Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8))


def test_image_in_mnist_form_is_unchanged(digits: tuple[Array, Array]) -> None:
    for digit in digits[0][:100]:
        np.testing.assert_array_equal(find_digits(Image.fromarray(digit)).image[..., 0], digit)


@pytest.mark.parametrize("scale", [0.8, 1, 5, 12])
@pytest.mark.parametrize("dark", [True, False])
def test_labels_do_not_depend_on_size_position_or_polarity(
    model: Predictor, digits: tuple[Array, Array], scale: float, dark: bool
) -> None:
    """At most 4 points of accuracy are lost by a small network not trained on such pictures."""
    random_ = np.random.default_rng(0)
    count = 400 if scale < 5 else 80  # a large picture takes as long as 60 small ones
    images, labels = digits[0][:count], digits[1][:count]
    plain = model.predict(images[..., np.newaxis]).argmax(axis=1) == labels
    sheets = [enlarged(digit, scale=scale, dark=dark, random_=random_) for digit in images]
    found = model.predict(np.stack([find_digits(sheet).image for sheet in sheets]))
    assert np.mean(found.argmax(axis=1) == labels) >= plain.mean() - 0.04


def test_form_matches_the_data_set(digits: tuple[Array, Array]) -> None:
    """Twenty pixels on the longer side, the center of mass at (14, 14), as in MNIST."""
    random_ = np.random.default_rng(1)
    for digit in digits[0][:50]:
        form = (
            find_digits(enlarged(digit, scale=6, dark=True, random_=random_))
            .image[..., 0]
            .astype(float)
        )
        rows, columns = (np.flatnonzero(form.any(axis=axis)) for axis in (1, 0))
        assert BOX - 2 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= BOX
        places = np.arange(SIZE)
        assert abs(np.average(places, weights=form.sum(axis=1)) - SIZE / 2) <= 1
        assert abs(np.average(places, weights=form.sum(axis=0)) - SIZE / 2) <= 1
        assert form.max() == 255


def draw_seven(*, ink: object, ground: object, mode: str = "RGB", size: int = 400) -> Image.Image:
    picture = Image.new(mode, (size, size), ground)  # type: ignore[arg-type]
    points = [(size * x // 100, size * y // 100) for x, y in ((25, 25), (72, 25), (45, 85))]
    ImageDraw.Draw(picture).line(points, fill=ink, width=size // 14, joint="curve")  # type: ignore[arg-type]
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        draw_seven(ink="black", ground="white"),
        draw_seven(ink="white", ground="black"),
        draw_seven(ink="navy", ground="#fdf6e3", size=1500),
        draw_seven(ink=(0, 0, 0, 255), ground=(0, 0, 0, 0), mode="RGBA"),
        draw_seven(ink=(255, 255, 255, 255), ground=(255, 255, 255, 0), mode="RGBA"),
        draw_seven(ink=0, ground=255, mode="L", size=90),
        draw_seven(ink=0, ground=1, mode="1"),
    ],
)
def test_drawn_seven_is_recognized(model: Predictor, picture: Image.Image) -> None:
    probabilities = model.predict(find_digits(picture).image[np.newaxis])[0]
    assert model.class_names[probabilities.argmax()] == "7"


@pytest.mark.parametrize("color", ["white", "black", "gray"])
def test_empty_picture_becomes_black(color: str) -> None:
    assert not find_digits(Image.new("RGB", (300, 200), color)).image.any()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 2), (3, 900)])
def test_odd_sizes_are_accepted(size: tuple[int, int]) -> None:
    random_ = np.random.default_rng(0)
    pixels = random_.integers(0, 256, (size[1], size[0]), np.uint8)
    assert find_digits(Image.fromarray(pixels)).image.shape == (SIZE, SIZE, 1)


def test_single_column_has_no_lines_of_paper() -> None:
    pixels = np.full((120, 1), 255, np.uint8)
    pixels[[10, 60]] = 0
    assert find_digits(Image.fromarray(pixels)).image.shape == (SIZE, SIZE, 1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_predict_command_converts_pictures(smoke: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"seven.{suffix}"
    draw_seven(ink="black", ground="white").save(path)
    done = in_process("predict", smoke / "exported" / "smoke", path, "--json")
    assert done.code == 0, done.err
    assert [prediction["label"] for prediction in json.loads(done.out)] == ["7"]


def test_rotated_photograph_is_turned_upright(smoke: Path, tmp_path: Path) -> None:
    """Cameras record the orientation of a picture in the file."""
    picture = draw_seven(ink="black", ground="white").rotate(90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown rotated by 90 degrees clockwise
    picture.save(tmp_path / "seven.jpg", exif=exif)
    done = in_process("predict", smoke / "exported" / "smoke", tmp_path / "seven.jpg", "--json")
    assert [prediction["label"] for prediction in json.loads(done.out)] == ["7"]


def test_enormous_picture_is_rejected_before_decoding(smoke: Path, tmp_path: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(tmp_path / "huge.png")
    done = command("predict", smoke / "exported" / "smoke", tmp_path / "huge.png")
    assert_error(
        done,
        2,
        "at most 20,000,000 pixels, unless it is a baseline (not progressive) JPEG",
        "got 10000 x 10000",
        "Scale it down",
    )


@pytest.mark.parametrize("dark", [True, False])
def test_sixteen_bit_pixels_are_scaled_to_eight(digits: tuple[Array, Array], dark: bool) -> None:
    """By the range that they use: here all of it, so that the same eight bits result."""
    sheet = enlarged(digits[0][0], scale=5, dark=dark, random_=np.random.default_rng(0))
    gray = np.asarray(sheet, float)
    pixels = ((gray - gray.min()) / np.ptp(gray) * 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16) * 257).save(file, "PNG")
    with Image.open(file) as deep:
        found = find_digits(deep).image
    np.testing.assert_array_equal(found, find_digits(Image.fromarray(pixels)).image)


def jpeg(size: tuple[int, int], *, progressive: bool) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, 200).save(file, "JPEG", progressive=progressive)
    return file.getvalue()


def decode(file: bytes) -> Array:
    return decode_picture(io.BytesIO(file), CANONICAL, where="the file")


def test_progressive_photograph_must_be_smaller() -> None:
    """Its decoder buffers it until the last scan; a baseline JPEG is decoded at a smaller size."""
    assert decode(jpeg((5000, 5000), progressive=False)).shape == (SIZE, SIZE, 1)
    assert decode(jpeg((3000, 3000), progressive=True)).shape == (SIZE, SIZE, 1)
    with pytest.raises(ImageError, match=r"baseline .*; got 5000 x 5000"):
        decode(jpeg((5000, 5000), progressive=True))


HIDING = [
    b"",
    b"\xff\xfe\x00\x04\xff\xd9",  # an end-of-image marker inside a comment
    b"\xff\xd0\xff\xff",  # a restart, and padding
    b"\xff\x02\xff\xff",  # a reserved marker, which decoders read without a length
]


def test_too_many_scans_are_rejected() -> None:
    """Each is a few bytes in the file, but a pass over the picture for the decoder."""
    file = jpeg((600, 600), progressive=True)
    last = file.rindex(b"\xff\xda")
    scan = file[last:-2]
    assert read_decoding_work(file) == (file.count(b"\xff\xda"), True)
    assert read_decoding_work(jpeg((600, 600), progressive=False)) == (1, False)
    assert decode(file[:-2] + scan * 5 + file[-2:]).shape == (SIZE, SIZE, 1)
    for hidden in HIDING:
        with pytest.raises(ImageError, match="at most 50 scans; got more in the file"):
            decode(file[:-2] + hidden + scan * 200 + file[-2:])
    assert read_decoding_work(file[:2] + b"\xff\xfe\x00\x02" * 5000 + file[2:]).scans > 50


def test_buffering_depends_on_more_than_the_number_of_scans() -> None:
    progressive, colors = jpeg((100, 100), progressive=True), io.BytesIO()
    second = progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)
    assert read_decoding_work(progressive[:second] + b"\xff\xd9") == (1, True)
    Image.new("RGB", (100, 100)).save(colors, "JPEG")
    file = bytearray(colors.getvalue())
    assert read_decoding_work(bytes(file)) == (1, False)
    file[file.index(b"\xff\xda") + 4] = 1  # a scan of one of the three components
    assert read_decoding_work(bytes(file)) == (1, True)


def test_multi_picture_files_are_checked_too() -> None:
    file, small = io.BytesIO(), Image.new("L", (100, 100))
    options = {"save_all": True, "append_images": [small], "progressive": True}
    Image.new("L", (5000, 5000), 200).save(file, "MPO", **options)
    with pytest.raises(ImageError, match="got 5000 x 5000"):
        decode(file.getvalue())


def test_thumbnail_is_not_counted_as_a_scan() -> None:
    inner, file = jpeg((100, 100), progressive=True), jpeg((600, 600), progressive=False)
    segment = b"\xff\xe1" + (len(inner) + 2).to_bytes(2) + inner
    assert read_decoding_work(file[:2] + segment + file[2:]) == (1, False)
