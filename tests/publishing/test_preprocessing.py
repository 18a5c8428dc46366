"""The preprocessing of pictures, named in manifests and files: one for predict, route and page."""

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import predict
from pipeline.artifacts.preprocessing import (
    Preprocessing,
    preprocessing_in,
    preprocessing_of,
)
from pipeline.artifacts.stage_facts import DataFacts, Resizing
from pipeline.errors import ImageError, ModelError
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from tests.support.picture_models import CLOTHES, COLORS, LETTERS, clothing, color
from tests.support.servers import Server

SIZE = (28, 28)
EXACT = Preprocessing("exact", SIZE, 1)
CANONICAL = Preprocessing("mnist-canonical", SIZE, 1)


@pytest.mark.parametrize(
    ("data_set", "shape", "expected"),
    [
        ("mnist", (28, 28, 1), CANONICAL),
        ("mnist:3.0.1", (28, 28, 1), CANONICAL),
        ("mnist", (32, 32, 1), Preprocessing("resize", (32, 32), 1, "fit")),
        ("kmnist", (28, 28, 1), Preprocessing("resize", SIZE, 1, "fit")),
        ("fashion_mnist", (28, 28, 1), Preprocessing("resize", SIZE, 1, "fit")),
        ("emnist/letters", (28, 28, 1), Preprocessing("resize", SIZE, 1, "fit")),
        ("cifar10", (32, 32, 3), Preprocessing("resize", (32, 32), 3, "fit")),
    ],
)
def test_only_mnist_has_its_form(data_set: str, shape: Any, expected: Preprocessing) -> None:
    assert preprocessing_of(facts(data_set, shape)) == expected


def test_other_sets_are_fit_or_cropped_as_configured() -> None:
    cropped = Resizing("resize", (32, 48), 3, "crop")
    found = preprocessing_of(facts("folder", (32, 48, 3), cropped))
    assert found == Preprocessing("resize", (32, 48), 3, "crop")


def facts(name: str, shape: Any, resizing: Resizing | None = None) -> DataFacts:
    return DataFacts(
        name=name,
        source="",
        origin="",
        target="label",
        class_names=(),
        image_shape=shape,
        train=1,
        validation=1,
        test=1,
        sampled=False,
        preprocessing=resizing,
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "rotate", "size": [28, 28]}'])
def test_unknown_metadata_means_that_of_older_versions(text: str) -> None:
    metadata = {"preprocessing": text, "data_set": "kmnist"}
    assert preprocessing_in(metadata, (28, 28, 1)) == EXACT
    assert preprocessing_in({**metadata, "data_set": "mnist"}, (28, 28, 1)) == CANONICAL


def test_metadata_for_another_shape_is_ignored() -> None:
    metadata = {"preprocessing": Preprocessing("resize", (32, 32), 1, "crop").as_text()}
    assert preprocessing_in(metadata, (28, 28, 1)) == EXACT
    assert preprocessing_in(metadata, (32, 32, 1)).fit == "crop"


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [COLORS, CLOTHES, LETTERS])
def test_manifest_and_file_name_the_same(picture_models: Path, name: str) -> None:
    published = find_published(picture_models / "exported" / name)
    named = published.manifest.picture_preprocessing
    assert published.document["preprocessing"]["name"] == named.name == "resize"
    metadata = OnnxRuntimePredictor(published.path / "model.onnx").metadata
    assert preprocessing_in(metadata, named.image_shape) == named


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def pictures(name: str) -> dict[str, Image.Image]:
    """Return large pictures by the class that they show; they are not square."""
    if name == COLORS:
        drawn = {"deer": color(4, side=300), "truck": color(9, side=300)}
        return {label: Image.fromarray(pixels[:200]) for label, pixels in drawn.items()}
    shape = Image.fromarray(clothing(9)[..., 0]).resize((700, 700))
    return {"Ankle boot": shape.crop((100, 0, 600, 700))}


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.server
@pytest.mark.parametrize("name", [COLORS, CLOTHES])
def test_pictures_of_any_size_are_recognized_everywhere(
    picture_models: Path, picture_server: Server, tmp_path: Path, name: str
) -> None:
    for label, picture in pictures(name).items():
        path = tmp_path / "picture.png"
        path.write_bytes(png(picture))
        folder = picture_models / "exported" / name
        [expected] = predict(folder, [path])
        [of_file] = predict(folder / "1" / "model.onnx", [path])
        got = picture_server.post(
            f"/v1/models/{name}:classify-image", data=path.read_bytes()
        ).json()
        assert got["top"][0]["label"] == expected.label == label
        # A single file has no names of the classes.
        assert [*of_file.probabilities.values()] == [*expected.probabilities.values()]
        assert got["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
        assert "digits" not in got
        seen = Image.open(io.BytesIO(base64.b64decode(got["canonical"]["b64"])))
        expected_form = ((32, 32), "RGB") if name == COLORS else ((28, 28), "L")
        assert (seen.size, seen.mode) == expected_form


def altered(folder: Path, target: Path, **changes: Any) -> Path:
    """Return a copy of a version whose manifest differs; None removes a key."""
    shutil.copytree(folder, target)
    manifest = json.loads((target / "manifest.json").read_text()) | changes
    kept = {name: value for name, value in manifest.items() if value is not None}
    (target / "manifest.json").write_text(json.dumps(kept))
    return target


@pytest.mark.process
@pytest.mark.tensorflow
def test_older_version_keeps_its_behavior(picture_models: Path, tmp_path: Path) -> None:
    published = picture_models / "exported" / CLOTHES / "1"
    older = altered(published, tmp_path / "1", preprocessing=None)
    Image.new("L", (29, 28)).save(tmp_path / "large.png")
    Image.new("L", SIZE).save(tmp_path / "exact.png")
    assert len(predict(older, [tmp_path / "exact.png"])) == 1
    with pytest.raises(
        ImageError, match=r"must be 28 x 28 pixels; got 29 x 28.*publish the model again"
    ):
        predict(older, [tmp_path / "large.png"])
    assert len(predict(published, [tmp_path / "large.png"])) == 1


def test_older_version_of_mnist_finds_digits(smoke: Path, tmp_path: Path) -> None:
    older = altered(smoke / "exported" / "smoke" / "1", tmp_path / "1", preprocessing=None)
    manifest = find_published(older).manifest
    assert manifest.picture_preprocessing == CANONICAL
    Image.fromarray(np.full((60, 60), 255, np.uint8)).save(tmp_path / "empty.png")
    assert predict(older, [tmp_path / "empty.png"])[0].reason == "no digit here"


def test_manifest_with_another_shape_is_rejected(smoke: Path, tmp_path: Path) -> None:
    wrong = {"name": "resize", "size": [32, 32], "channels": 3, "fit": "crop"}
    folder = altered(smoke / "exported" / "smoke" / "1", tmp_path / "1", preprocessing=wrong)
    with pytest.raises(
        ModelError,
        match=r"returns images of shape \(32, 32, 3\), and the model takes \(28, 28, 1\)",
    ):
        predict(folder, [])
