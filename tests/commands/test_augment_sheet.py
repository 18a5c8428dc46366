"""``pipeline config --show-augment``: a picture of changed training images."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE

AUGMENT = "train.augment={rotation: 20, elastic: 1, stroke: 0.5, undeformed: 0.5}"


def test_configuration_must_change_images(tmp_path: Path) -> None:
    done = in_process("config", SMOKE, "--show-augment", tmp_path / "a.png")
    assert_error(
        done,
        2,
        "--show-augment shows what train.augment does to images; the configuration has no "
        "train.augment. Add it, for example train.augment={rotation: 15}.",
    )
    assert not any(tmp_path.iterdir())


def test_file_must_be_a_png(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    done = in_process("config", SMOKE, AUGMENT, "--show-augment", picture)
    assert_error(done, 2, f"--show-augment writes a PNG; got {picture}. Choose a name with .png.")


@pytest.mark.tensorflow
def test_pictures_of_another_form_and_color(tmp_path: Path) -> None:
    """Rows of 12 training images with 8 x 32 pixels, of which strokes cannot be changed."""
    for name in ("dark", "light"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for n in range(10):
            color = (20 * n, 40, 250 if name == "light" else 0)
            Image.new("RGB", (32, 8), color).save(tmp_path / "pictures" / name / f"{n}.png")
    (tmp_path / "own.yaml").write_text(
        "name: own\ntask: multiclass\nmodel: {hidden: [8]}\n"
        f"data: {{name: folder, path: {tmp_path / 'pictures'}}}\n"
    )
    arguments = ("config", tmp_path / "own.yaml", "--show-augment", tmp_path / "a.png")
    done = in_process(*arguments, "train.augment={rotation: 5}", "-C", tmp_path, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == {"picture": str(tmp_path / "a.png")}
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (2 * 12 * 34, 2 * 12 * 10)
    refused = in_process(*arguments, "train.augment={stroke: 1}", "-C", tmp_path)
    assert_error(refused, 2, "train.augment.stroke changes light strokes on dark in gray images")


@pytest.mark.tensorflow
def test_rows_show_an_image_and_what_becomes_of_it(smoke: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    done = in_process("config", SMOKE, AUGMENT, "--show-augment", picture, "-C", smoke)
    assert done.code == 0, done.err
    assert done.out == f"{picture}\n"
    pixels = np.asarray(Image.open(picture))
    assert pixels.shape == (3 * 12 * 30, 3 * 12 * 30)  # 28 pixels, and a gap, three times as large
    tiles = pixels[::3, ::3].reshape(12, 30, 12, 30).swapaxes(1, 2)[..., :28, :28].astype(int)
    [data] = (smoke / "runs" / "data").iterdir()
    images = np.load(data / "train_images.npy")[:12, ..., 0]
    np.testing.assert_array_equal(tiles[:, 0], images)
    differences = np.abs(tiles[:, 1:] - tiles[:, :1]).max(axis=(2, 3))
    assert (differences > 20).all()  # also those that a training would leave as they are
    ink = tiles[:, 1:].mean(axis=(2, 3)) / tiles[:, :1].mean(axis=(2, 3))
    assert (np.abs(ink - 1) > 0.1).any(axis=1).sum() > 6  # strokes change in all rows alike
