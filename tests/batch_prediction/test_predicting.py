"""``pipeline predict --output``: the answers of ``pipeline predict``, in the order of the input."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipeline
from pipeline.commands.predict import Prediction
from pipeline.progress import Silent
from pipeline.publishing.published_folder import find_published
from tests.batch_prediction.parquet_images import (
    PIXELS,
    TYPES,
    column_of,
    sample_images,
    write_images,
)
from tests.support.command_line import Done, in_process
from tests.support.paths import PROJECT
from tests.support.single_output import DIGIT_VALUE, PARITY

pytestmark = pytest.mark.process
SAMPLES = PROJECT / "samples"


def predict_batch(*arguments: object, workspace: Path) -> Done:
    done = in_process("predict", *arguments, "-C", workspace)
    assert done.code == 0, done.err
    return done


def predicted(model: object, images: np.ndarray, workspace: Path, folder: Path) -> list[Prediction]:
    """Return what ``pipeline predict`` answers."""
    np.save(folder / "images.npy", images)
    return pipeline.predict(str(model), [folder / "images.npy"], workspace=workspace)


def assert_same(table: Any, expected: list[Prediction]) -> None:
    """Compare all columns of the answers, bit for bit."""
    assert table["label"].to_pylist() == [one.label for one in expected]
    assert table["probability"].to_pylist() == [one.probability for one in expected]
    assert table["probabilities"].to_pylist() == [[*o.probabilities.values()] for o in expected]
    assert table["unsure"].to_pylist() == [one.unsure for one in expected]
    assert table["reason"].to_pylist() == [one.reason for one in expected]


def test_rows_of_every_type_are_answered_in_order(smoke: Path, tmp_path: Path) -> None:
    images = sample_images(smoke)[:300].copy()
    images[250:] = np.random.default_rng(0).integers(0, 256, (50, 28, 28, 1))  # unlike digits
    expected = predicted("smoke", images, smoke, tmp_path)
    files = []
    for number, kind in enumerate(TYPES):
        rows = slice(50 * number, 50 * (number + 1))
        ids, labels = np.arange(1000)[rows], [str(i) for i in range(300)[rows]]
        file = tmp_path / f"{number}.parquet"
        files.append(write_images(file, images[rows], kind, group=20, id=ids, label=labels))
    out = tmp_path / "out.parquet"
    keep = ("--keep", "id", "--keep", "label")
    options = ("--output", out, *keep, "--part-images", 16, "--workers", 2)
    done = predict_batch("smoke", "--input", *files, *options, workspace=smoke)
    table = pq.read_table(out)
    assert_same(table, expected)
    assert {reason is None for reason in table["reason"].to_pylist()} == {True, False}
    assert table["file"].to_pylist() == [str(file) for file in files for _ in range(50)]
    assert table["row"].to_pylist() == [*range(50)] * 6
    assert table["id"].to_pylist() == [*range(300)]
    assert table["input_label"].to_pylist() == [str(i) for i in range(300)]
    assert table["error"].null_count == 300
    assert done.out.startswith(f"{out}: 300 predictions of smoke/1\n  300 in ")
    assert "by 2 processes" in done.out
    assert not (tmp_path / "out.parquet.parts").exists()


def test_metadata_names_the_model(smoke: Path, tmp_path: Path) -> None:
    file = write_images(tmp_path / "a.parquet", sample_images(smoke)[:3])
    out = tmp_path / "out.parquet"
    result = pipeline.predict_batch("smoke", file, out, workspace=smoke, progress=Silent())
    assert (result.images, result.bad, result.resumed, result.model) == (3, 0, 0, "smoke/1")
    metadata = {k.decode(): v.decode() for k, v in pq.read_schema(out).metadata.items()}
    published = find_published(smoke / "exported" / "smoke")
    assert metadata["model_name"] == "smoke/1"
    assert metadata["model_sha256"] == published.manifest.files["model.onnx"].sha256
    assert metadata["task"] == "multiclass"
    assert json.loads(metadata["class_names"]) == [str(digit) for digit in range(10)]
    assert json.loads(metadata["input"]) == [str(file)]


def test_rows_without_an_image_are_listed(smoke: Path, tmp_path: Path) -> None:
    images = sample_images(smoke)[:20]
    rows = column_of(images, pa.list_(pa.uint8())).to_pylist()
    for row in range(2, 16, 2):
        rows[row] = None
    rows[1] = rows[1][:-1]
    column = pa.array(rows, pa.list_(pa.uint8()))
    pq.write_table(pa.table({"image": column}), tmp_path / "a.parquet")
    out = tmp_path / "out.parquet"
    done = predict_batch(
        *("smoke", tmp_path / "a.parquet", "--output", out, "--part-images", 8), workspace=smoke
    )
    table = pq.read_table(out)
    good = [row for row in range(20) if row not in (1, *range(2, 16, 2))]
    assert_same(table.take(good), predicted("smoke", images[good], smoke, tmp_path))
    bad = table.slice(1, 2).to_pylist()
    assert [row["error"] for row in bad] == [
        f"An image must have {PIXELS} pixels; got {PIXELS - 1} pixels.",
        f"An image must have {PIXELS} pixels; got null.",
    ]
    assert {value for row in bad for key, value in row.items() if key not in PLACE} == {None}
    assert "  8 images could not be read: column error\n" in done.out
    assert f"    {tmp_path / 'a.parquet'}, row 1: An image must have" in done.out
    assert done.out.endswith("row 8: An image must have 784 pixels; got null.\n    and 3 more\n")


PLACE = ("file", "row", "error")


def test_pictures_are_answered_as_each_alone(smoke: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for path in (*SAMPLES.glob("*.png"), *SAMPLES.glob("*.jpg")):
        (folder / "more" / path.name).write_bytes(path.read_bytes())
    (folder / "a.png").write_bytes(b"not a picture")
    seven = (SAMPLES / "seven.png").read_bytes()
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(seven)  # not UTF-8
    (folder / "notes.txt").write_text("not a picture")
    out = tmp_path / "out.parquet"
    done = predict_batch(
        *("smoke", "--input", folder, "--output", out, "--part-images", 2), workspace=smoke
    )
    table = pq.read_table(out)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*g"))
    assert table["file"].to_pylist() == [os.fsencode(n).decode(errors="replace") for n in names]
    assert names[0] == "a.png"
    expected = pipeline.predict("smoke", [folder / name for name in names[1:]], workspace=smoke)
    for row, one in zip(table.to_pylist()[1:], expected, strict=True):
        assert (row["label"], row["probability"]) == (one.label, one.probability)
        assert row["probabilities"] == ([*one.probabilities.values()] or None)
        assert (row["unsure"], row["reason"], row["error"]) == (one.unsure, one.reason, None)
        assert [(each["label"], each["probability"], each["unsure"]) for each in row["digits"]] == [
            (each.label, each.probability, each.unsure) for each in one.digits or ()
        ]
        assert [
            tuple(each[side] for side in ("left", "top", "right", "bottom"))
            for each in row["digits"]
        ] == [each.box for each in one.digits or ()]
    error = f"Cannot read {folder / 'a.png'} as an image: unknown image format. Use a PNG, "
    assert table["error"][0].as_py().startswith(error)
    assert "  1 image could not be read: column error\n    a.png: Cannot read " in done.out


def test_binary_model_and_regression(single_output: Path, tmp_path: Path) -> None:
    images = sample_images_of(single_output)[:40]
    file = write_images(tmp_path / "a.parquet", images)
    for model in (PARITY, DIGIT_VALUE):
        out = tmp_path / f"{model}.parquet"
        predict_batch(model, file, "--output", out, workspace=single_output)
        table, expected = pq.read_table(out), predicted(model, images, single_output, tmp_path)
        if model == PARITY:
            assert_same(table, expected)
        else:
            assert table.column_names == ["file", "row", "value", "unsure", "reason", "error"]
            assert table["value"].to_pylist() == [one.value for one in expected]
            assert {*table["unsure"].to_pylist(), *table["reason"].to_pylist()} == {False, None}


def sample_images_of(workspace: Path) -> np.ndarray:
    """Test images of one of several models."""
    found = next((workspace / "runs" / "data").iterdir())
    images: np.ndarray = np.load(found / "test_images.npy")
    return images


def test_single_file_as_the_model(smoke: Path, tmp_path: Path) -> None:
    images = sample_images(smoke)[:40]
    file = write_images(tmp_path / "a.parquet", images)
    model, out = smoke / "exported" / "smoke" / "1" / "model.onnx", tmp_path / "out.parquet"
    done = predict_batch(model, file, "--output", out, "--json", workspace=smoke)
    assert_same(pq.read_table(out), predicted(model, images, smoke, tmp_path))
    found = json.loads(done.out)
    assert (found["model"], found["images"], found["output"]) == ("model.onnx", 40, str(out))
