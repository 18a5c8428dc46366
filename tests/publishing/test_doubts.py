"""What makes a prediction unsure: fitted to the validation set, applied to published models."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pipeline
from pipeline.artifacts.files import describe_files
from pipeline.artifacts.serialization import to_json
from pipeline.artifacts.uncertainty import SUBSPACE_FILE
from pipeline.errors import ModelError
from pipeline.publishing.doubts import UNLIKE, open_doubts
from pipeline.publishing.published_folder import find_published
from pipeline.tasks.task import DisplayedPrediction
from tests.support.command_line import in_process
from tests.support.paths import SMOKE


@pytest.fixture
def version(smoke: Path, tmp_path: Path) -> Path:
    """A copy of a published version that a test may change."""
    shutil.copytree(smoke / "exported" / "smoke" / "1", tmp_path / "smoke" / "1")
    return tmp_path / "smoke" / "1"


def images_of(smoke: Path, split: str) -> Any:
    [data] = (smoke / "runs" / "data").iterdir()
    return np.load(data / f"{split}_images.npy")


def change_manifest(version: Path, **changes: Any) -> None:
    manifest = json.loads((version / "manifest.json").read_text())
    manifest = {k: v for k, v in {**manifest, **changes}.items() if v is not None}
    manifest["files"] = to_json(describe_files(version))
    manifest["files"].pop("manifest.json")
    (version / "manifest.json").write_text(json.dumps(manifest))


def reasons(version: Path, images: np.ndarray) -> tuple[list[str | None], np.ndarray]:
    """Return the reasons of a published version, and its probabilities."""
    predictor, doubts = pipeline.load_model(version), open_doubts(find_published(version))
    predictions = predictor.predict(images)
    names = [str(n) for n in range(10)]
    displayed = [
        DisplayedPrediction(names[p.argmax()], p.max(), dict(zip(names, p, strict=True)))
        for p in predictions
    ]
    return doubts.reasons(images, predictions, displayed), predictions


def distances(version: Path, images: np.ndarray) -> np.ndarray:
    """Return distances computed from the weights as the package onnx reads them, in float64."""
    weights = [
        onnx.numpy_helper.to_array(t)
        for t in onnx.load(version / "model.onnx").graph.initializer
        if t.data_type == onnx.TensorProto.FLOAT and t.dims
    ]
    kernel = next(w for w in weights if w.ndim == 2)
    bias = next(w for w in weights if w.shape == kernel.shape[1:])
    z = images.reshape(len(images), -1) / 255 @ kernel.astype(np.float64) + bias
    with np.load(version / SUBSPACE_FILE) as file:
        components, rest = file["components"].astype(np.float64), z - file["mean"]
    return np.asarray(np.linalg.norm(rest - rest @ components @ components.T, axis=1))


def test_reasons_follow_the_manifest(smoke: Path, version: Path) -> None:
    images = images_of(smoke, "test")
    fitted = json.loads((version / "manifest.json").read_text())["uncertainty"]
    found, predictions = reasons(version, images)
    powers = predictions.astype(np.float64) ** (1 / fitted["temperature"])
    calibrated = powers / powers.sum(axis=1, keepdims=True)
    unlike = distances(version, images) > fitted["max_distance"]
    assert [reason == UNLIKE for reason in found] == list(unlike)
    low = calibrated.max(axis=1) < fitted["min_probability"]
    assert [reason is not None for reason in found] == list(low | unlike)
    first = int(np.flatnonzero(low & ~unlike)[0])
    one, two = np.argsort(calibrated[first])[::-1][:2]
    assert found[first] == (
        f"the model is unsure: calibrated, {one} has {100 * calibrated[first][one]:.0f} %, "
        f"{two} has {100 * calibrated[first][two]:.0f} %"
    )


def test_values_are_fitted_to_the_validation_set(smoke: Path, version: Path) -> None:
    images = images_of(smoke, "validation")
    fitted = json.loads((version / "manifest.json").read_text())["uncertainty"]
    assert fitted["max_distance"] == pytest.approx(
        np.quantile(distances(version, images), 0.99), rel=1e-4
    )
    [data] = (smoke / "runs" / "data").iterdir()
    labels = np.load(data / "validation_labels.npy")
    _, predictions = reasons(version, images)

    def cross_entropy(temperature: float) -> float:
        powers = predictions.astype(np.float64) ** (1 / temperature)
        right = powers[np.arange(len(labels)), labels] / powers.sum(axis=1)
        return float(-np.log(right).mean())

    tried = np.geomspace(0.05, 20, 2000)
    errors = np.array([cross_entropy(temperature) for temperature in tried])
    expected = tried[errors.argmin()]
    if expected < 1:  # the one closest to 1 that the labels do not contradict
        supported = errors <= errors.min() + 1.353 / len(labels)
        expected = tried[supported & (tried <= 1)].max()
    assert fitted["temperature"] == pytest.approx(expected, rel=0.01)


def test_pictures_of_something_else_are_unlike(smoke: Path, version: Path) -> None:
    digits = images_of(smoke, "test")[:50]
    noise = np.random.default_rng(0).integers(0, 256, digits.shape, np.uint8)
    for others in (255 - digits, noise, digits.transpose(0, 2, 1, 3)[:, ::-1] // 2 + 100):
        assert reasons(version, others)[0].count(UNLIKE) >= 45


def test_versions_published_earlier_are_unsure_below_a_probability(
    smoke: Path, version: Path
) -> None:
    (version / SUBSPACE_FILE).unlink()
    change_manifest(version, uncertainty=None)
    images = images_of(smoke, "test")
    found, predictions = reasons(version, images)
    assert [reason is not None for reason in found] == list(predictions.max(axis=1) < 0.9)
    first = int(np.flatnonzero(predictions.max(axis=1) < 0.9)[0])
    one, two = np.argsort(predictions[first])[::-1][:2]
    assert found[first] == (
        f"the model is unsure: {one} has {100 * predictions[first][one]:.0f} %, "
        f"{two} has {100 * predictions[first][two]:.0f} %"
    )


def test_model_published_earlier_is_published_again(smoke: Path, tmp_path: Path) -> None:
    """With the same files, it has no limits of its own yet."""
    shutil.copytree(smoke, tmp_path / "workspace")
    version = tmp_path / "workspace" / "exported" / "smoke" / "1"
    (version / SUBSPACE_FILE).unlink()
    change_manifest(version, uncertainty=None, fingerprint="of an older release")
    assert in_process("run", SMOKE, "-C", tmp_path / "workspace", "--json").code == 0
    assert find_published(version.parent / "2").manifest.uncertainty is not None


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        (None, "File is not a zip file"),
        ({"mean": np.zeros(3, np.float32)}, "components is not a file in the archive"),
        (
            {"mean": np.zeros(3, np.float32), "components": np.zeros((3, 2), np.float32)},
            r"mean and components must be float32 \(32,\) and \(32, k\); got float32 \(3,\) and ",
        ),
        (
            {"mean": np.zeros(32, np.float32), "components": np.full((32, 2), np.nan, np.float32)},
            "mean and components must be finite; got infinity or NaN",
        ),
        ({"mean": np.zeros(2**23, np.float32)}, "it must unpack to at most 16,777,216 bytes; got"),
    ],
)
def test_invalid_subspace(version: Path, arrays: dict[str, Any] | None, why: str) -> None:
    if arrays is None:
        (version / SUBSPACE_FILE).write_bytes(b"no archive")
    else:
        np.savez(version / SUBSPACE_FILE, **arrays)
    change_manifest(version)
    with pytest.raises(
        ModelError,
        match=f"^Cannot read the subspace of the training images in {version / SUBSPACE_FILE}: "
        f".*{why}.*Publish the model again",
    ):
        open_doubts(find_published(version))


def test_subspace_is_checked_like_the_other_files(version: Path) -> None:
    with (version / SUBSPACE_FILE).open("ab") as file:
        file.write(b"0")
    with pytest.raises(ModelError, match=rf"{SUBSPACE_FILE} .*None of its files were opened"):
        pipeline.load_model(version)


def test_report_counts_what_the_published_model_answers(smoke: Path) -> None:
    """Predictions of another runtime may differ in their last bits: one image at a limit."""
    folder = smoke / "exported" / "smoke" / "1"
    counted = json.loads((folder / "manifest.json").read_text())["report"]["answered"]
    found, predictions = reasons(folder, images_of(smoke, "test"))
    sure = np.array([reason is None for reason in found])
    [data] = (smoke / "runs" / "data").iterdir()
    right = predictions.argmax(axis=1) == np.load(data / "test_labels.npy")
    assert counted["images"] == len(found)
    assert counted["answered"] == pytest.approx(int(sure.sum()), abs=1)
    assert counted["right"] == pytest.approx(int(right[sure].sum()), abs=1)
