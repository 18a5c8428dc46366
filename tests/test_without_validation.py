"""``data.validation: 0``: every image is trained, and nothing is decided by a validation set."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.data_set import read_data
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow

NO_LIMITS = ("data.validation=0", "publish.min_accuracy=0", "publish.min_accuracy_on_sample=0")
FILES = ("export.formats=[onnx,onnx_fp16]", "verify.runtimes=[onnxruntime]")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two such models, one of them published."""
    place = tmp_path_factory.mktemp("without_validation")
    done = in_process("run", SMOKE, *NO_LIMITS, *FILES, "-C", place)
    assert done.code == 0, done.err
    other = ("name=other", "train.seed=1")
    done = in_process("run", SMOKE, *NO_LIMITS, *other, "--until", "evaluate", "-C", place)
    assert done.code == 0, done.err
    return place


def test_all_images_are_trained(workspace: Path) -> None:
    [folder] = (workspace / "runs" / "data").iterdir()
    data = read_data(folder)
    assert (len(data.train), len(data.validation), len(data.test)) == (4_000, 0, 1_000)
    assert np.bincount(data.train.labels).tolist() == [400] * 10


def test_published_model_has_no_validation_metrics(workspace: Path) -> None:
    version = workspace / "exported" / "smoke" / "1"
    manifest = json.loads((version / "manifest.json").read_text())
    assert set(manifest["metrics"]) == {"train", "test"}
    [copy] = manifest["copies"]
    assert (copy["split"], copy["score_name"]) == ("train", "agreement")
    assert manifest["uncertainty"]["temperature"] == 1
    assert manifest["uncertainty"]["max_distance"] > 0
    card = (version / "README.md").read_text()
    assert "Images: 4,000 for training, 0 for validation, 1,000 for testing" in card
    assert "the same label as float32 for" in card
    report = (version / "report.html").read_text()
    assert "Accuracy against coverage" in report
    assert "fitted on the validation set" not in report


def test_epochs_log_the_training_set_alone(workspace: Path) -> None:
    for path in (workspace / "runs" / "train").glob("*/history.json"):
        assert {*json.loads(path.read_text())[-1]} == {"loss", "accuracy"}


def test_runs_are_listed_and_compared(workspace: Path) -> None:
    listed = in_process("runs", "-C", workspace)
    assert listed.code == 0, listed.err
    names = [line.split()[0] for line in listed.out.splitlines() if "smoke-" in line]
    names += [line.split()[0] for line in listed.out.splitlines() if "other-" in line]
    compared = in_process("compare", *names, "-C", workspace)
    assert compared.code == 0, compared.err
    assert "learning curves" in compared.out


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["train.early_stopping.patience=2"],
            ["Early stopping needs a validation set; got data.validation: 0 (train.early_stopping"],
        ),
        (
            ["publish.min_accuracy=0.9"],
            ["The quality is measured on the validation set; got data.validation: 0 ("],
        ),
        (
            ["train.callbacks=[{name: reduce_lr_on_plateau, monitor: val_loss}]"],
            ["monitor must be a logged metric; got 'val_loss'"],
        ),
        (
            ["train.callbacks=[reduce_lr_on_plateau]"],
            ["monitor must be a logged metric; got 'val_loss'"],
        ),
        (["data.validation=-1"], ["data.validation must be"]),
    ],
)
def test_what_needs_a_validation_set_is_refused(
    tmp_path: Path, overrides: list[str], words: list[str]
) -> None:
    done = in_process("config", SMOKE, *NO_LIMITS, *overrides)
    if done.code == 0:  # found when TensorFlow is loaded
        done = in_process("run", SMOKE, *NO_LIMITS, *overrides, "-C", tmp_path)
    assert_error(done, 2, *words)


def test_limit_in_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    done = in_process("run", SMOKE, "data.validation=0", "-C", tmp_path)
    assert_error(
        done, 2, "(publish.min_accuracy in", "smoke.yaml, line 10). Remove it, or set images aside"
    )


def test_study_needs_a_validation_set(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    lines = ("name: seeds", f"base: {SMOKE}", "axes: {data.validation: [0]}", "overrides:")
    limits = ("  publish.min_accuracy: 0", "  publish.min_accuracy_on_sample: 0")
    study.write_text("\n".join([*lines, *limits, ""]))
    done = in_process("study", study, "-C", tmp_path)
    assert_error(done, 2, "A study compares trials on the validation set; got data.validation: 0.")
