"""Models of two classes and of numbers from end to end: gates, card, golden file, verification."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pipeline import list_models, run
from pipeline.artifacts.data_set import DataSet, Split, read_data
from pipeline.config.schema import Export
from pipeline.errors import ModelError, RmseTooHigh
from pipeline.export.reduced_precision import measure_copy
from pipeline.progress import Silent
from pipeline.publishing.card import model_card
from pipeline.publishing.golden import Golden, require_golden, select_golden
from pipeline.publishing.published_folder import PublishedModel, find_published
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.registry import task_named
from tests.support.command_line import assert_error, in_process
from tests.support.damaged_models import change_onnx

pytestmark = pytest.mark.tensorflow

COMMON = (
    "model: {hidden: [16], output: %s}\noptimizer: adam\ntrain: {epochs: 1, batch_size: 64}\n"
    "export: {formats: [onnx, onnx_int8, onnx_fp16, keras], max_accuracy_drop: 5}\n"
    "verify: {runtimes: [onnxruntime, keras]}\n"
)
CONFIGS = {
    "odd": "name: odd\ntask: binary\ndata: {target: parity}\n" + COMMON % "tanh"
    + "publish: {min_accuracy_on_sample: 0.6}\n",
    "digit": "name: digit\ntask: regression\ndata: {target: value}\n"
    + (COMMON % "relu").replace("max_accuracy_drop: 5", "max_rmse_increase: 20")
    + "publish: {max_rmse_on_sample: 2.8}\n",
}  # fmt: skip
RUNTIME = ["--runtime", "onnxruntime"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a model of two classes (tanh) and one of numbers (relu)."""
    workspace = tmp_path_factory.mktemp("tasks")
    for name, text in CONFIGS.items():
        (workspace / f"{name}.yaml").write_text(text)
        run(workspace / f"{name}.yaml", workspace=workspace, progress=Silent())
    return workspace


def limits(name: str, worsening: float) -> Export:
    if name == "odd":
        return Export(max_accuracy_drop=worsening)
    return Export(max_rmse_increase=worsening)


def model(published: Path, name: str) -> PublishedModel:
    return find_published(published / "exported" / name)


def validated_on(split: Split) -> DataSet:
    return DataSet("digits", "test", (), split, split, split)


def data_of(published: Path, name: str) -> Split:
    target = {"odd": "int64", "digit": "float32"}[name]
    found = [read_data(path) for path in (published / "runs" / "data").iterdir()]
    [data] = [data for data in found if data.test.labels.dtype == target]
    return data.test


def test_table_and_document_have_baselines(published: Path) -> None:
    """A run that is up to date."""
    table = in_process("run", published / "odd.yaml", "-C", published, "--verbose")
    assert "accuracy of the majority class" in table.out
    table = in_process("run", published / "digit.yaml", "-C", published, "--verbose")
    assert "rmse of the mean" in table.out
    done = in_process("run", published / "digit.yaml", "-C", published, "--json")
    values = json.loads(done.out)["metrics"]["test"]
    assert values["baseline"]["rmse"] == pytest.approx(np.sqrt(8.25), rel=1e-3)
    assert values["rmse"] < values["baseline"]["rmse"]
    listed = in_process("models", "-C", published)
    assert "rmse " in listed.out


def test_manifest_describes_the_task(published: Path) -> None:
    odd, digit = model(published, "odd").manifest, model(published, "digit").manifest
    assert (odd.task, odd.output, odd.target) == ("binary", "tanh", "parity")
    assert odd.class_names == ("even", "odd")
    assert str(odd.contract).endswith("-> (probability: float32 [batch, 1])")
    assert odd.metrics["test"].baseline["accuracy"] == 0.5
    assert (digit.task, digit.output, digit.target) == ("regression", "relu", "value")
    assert digit.class_names == ()
    assert str(digit.contract).endswith("-> (value: float32 [batch, 1])")
    checks = [*odd.verification, *digit.verification]
    assert all(check.passed and check.allowed_diff for check in checks)
    assert {check.score_name for check in digit.verification} == {"rmse"}
    assert {copy.unit for copy in digit.copies} == {"percent"}


def test_card_is_about_the_task(published: Path) -> None:
    odd = (model(published, "odd").path / "README.md").read_text()
    for words in (
        "distinguishes the classes even and odd in images of the data set mnist. Test accuracy **",
        "; always predicting the majority class of the training set gives 50.00 %.",
        "The output is the probability of the class odd; the label is odd above 1/2, and even",
        "| ROC AUC |",
        "| test, always the majority class | | 0.5000 |",
        "| same labels | accuracy |",
    ):
        assert words in odd
    digit = (model(published, "digit").path / "README.md").read_text()
    for words in (
        "predicts the labels of images of the data set mnist as numbers. Test RMSE **",
        "; always predicting the mean of the training set gives 2.8723.",
        "The output is the estimate, which is never negative.",
        "| split | loss | RMSE | MAE | R² |",
        "| test, always the mean | | 2.8723 | 2.5000 | 0.0000 |",
        "percent ",
    ):
        assert words in digit
    assert "same labels" not in digit
    manifest = model(published, "odd").manifest
    seven = manifest.model_copy(update={"target": {"is": 7}, "class_names": ("not 7", "7")})
    assert "tells whether images of the data set mnist are of the class 7" in model_card(seven, 1)
    scaled = model(published, "digit").manifest.model_copy(update={"target": "scaled_value"})
    assert "images of the data set mnist as numbers from 0 to 1" in model_card(scaled, 1)


@pytest.mark.parametrize("name", CONFIGS)
def test_published_model_and_file_are_verified(published: Path, name: str) -> None:
    for path in (f"{name}/1", f"{name}/1/model.onnx"):
        place = published / "exported" / path
        done = in_process("verify", place, *RUNTIME, "-C", published, "--json")
        assert done.code == 0, done.err
        checks = json.loads(done.out)["checks"]
        assert all(check["passed"] for check in checks)
        if path.endswith("model.onnx"):  # bounds derived from the network in the file
            assert all(0 < check["allowed_diff"] < 1e-3 for check in checks)


@pytest.mark.parametrize("name", CONFIGS)
def test_manifest_is_enough_to_verify(published: Path, tmp_path: Path, name: str) -> None:
    """It names every key of the configuration, those of other tasks too."""
    shutil.copytree(published / "exported" / name, tmp_path / "exported" / name)
    done = in_process("verify", name, "--runtime", "onnxruntime", "-C", tmp_path)
    assert done.code == 0, done.err
    assert "pass" in done.out


def test_gate_of_the_rmse(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published / "runs", tmp_path / "runs")
    arguments = ["run", published / "digit.yaml", "publish.max_rmse_on_sample=0.1", "-C", tmp_path]
    done = in_process(*arguments)
    assert_error(done, RmseTooHigh.exit_code, "The RMSE on the validation set must be at most "
                 "0.1000 (publish.max_rmse_on_sample); got ", "Nothing was exported or published.",
                 "or raise publish.max_rmse_on_sample.")  # fmt: skip
    done = in_process("run", published / "odd.yaml", "publish.min_accuracy_on_sample=0.999",
                      "-C", tmp_path)  # fmt: skip
    assert_error(done, 1, "The accuracy on the validation set must be at least 0.9990")
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize("name", CONFIGS)
def test_golden_predictions(published: Path, tmp_path: Path, name: str) -> None:
    folder = model(published, name).path
    task = model(published, name).manifest.open_task()
    golden = np.load(folder / "golden.npz")
    assert len(golden["images"]) == 10
    predictor = OnnxRuntimePredictor(folder / "model.onnx")
    require_golden(predictor, folder / "golden.npz", task, 1e-5)
    wrong = golden["probabilities"].copy()
    wrong[3] += 0.01
    Golden(golden["images"], wrong, golden["allowed"]).write(tmp_path / "golden.npz")
    text = r"gives different predictions on this machine .* got a difference of 0\.01\."
    with pytest.raises(ModelError, match=text):
        require_golden(predictor, tmp_path / "golden.npz", task, 1e-5)


def test_golden_images_cover_the_labels() -> None:
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    values = np.zeros((200, 1), np.float32)
    two = select_golden(images, np.arange(200) % 2, values)
    assert sorted(two.images.ravel() % 2) == [0] * 5 + [1] * 5
    numbers = select_golden(images, (np.arange(200) / 7).astype(np.float32), values)
    assert numbers.images.ravel().tolist() == [0, 22, 44, 66, 88, 111, 133, 155, 177, 199]


def test_copies_earn_their_place_by_the_score_of_the_task(published: Path) -> None:
    for name, limit in (("odd", "max_accuracy_drop"), ("digit", "max_rmse_increase")):
        folder, task = model(published, name).path, model(published, name).manifest.open_task()
        split = data_of(published, name)
        data = validated_on(split)
        copy = measure_copy(folder, "onnx_fp16", data, task, limits(name, 20.0))
        predicted = OnnxRuntimePredictor(folder / "model.fp16.onnx").predict_all(split.images)
        assert copy.reason is None
        assert copy.score_name == task.quality.name
        assert copy.score == task.score(predicted, split.labels)
        # Labels that are the predictions of the original, so that it is perfect.
        original = OnnxRuntimePredictor(folder / "model.onnx").predict_all(split.images)[:, 0]
        labels = (original > 0.5).astype(np.int64) if name == "odd" else original
        perfect = validated_on(Split(split.images, labels))
        worse = measure_copy(folder, "onnx_int8", perfect, task, limits(name, 0.0))
        assert worse.reason is not None
        assert f"export.{limit} allows 0" in worse.reason
        assert f"its {task.quality.title} on the validation set" in worse.reason


def test_worsening_is_in_points_or_percent() -> None:
    accuracy, rmse = task_named("binary").quality, task_named("regression").quality
    assert accuracy.worsening(0.97, 0.98) == pytest.approx(1.0)
    assert rmse.worsening(1.02, 1.0) == pytest.approx(2.0)
    assert rmse.worsening(0.99, 1.0) == pytest.approx(-1.0)
    assert (rmse.worsening(0.1, 0.0), rmse.worsening(0.0, 0.0)) == (100, 0)
    assert (accuracy.title, rmse.title, rmse.unit) == ("accuracy", "RMSE", "percent")


def with_metadata(**changed: str) -> Callable[[onnx.ModelProto], None]:
    def change(file: onnx.ModelProto) -> None:
        found = {prop.key: prop.value for prop in file.metadata_props}
        onnx.helper.set_model_props(file, {**found, **changed})

    return change


TAMPERED: list[tuple[str, dict[str, str], list[str]]] = [
    ("odd", {"target": "[[["}, ["The metadata target of", "must be JSON; got '[[['"]),
    ("odd", {"target": "[" * 100_000}, ["The metadata target of", "must be JSON; got '[[["]),
    ("odd", {"target": "parity"}, ["The metadata target of", "must be JSON; got 'parity'"]),
    ("odd", {"target": "NaN"}, ["data.target must be label, parity", "the metadata of"]),
    ("odd", {"target": '"odd"'}, ["Unknown value 'odd' for data.target in the metadata of"]),
    ("odd", {"target": '{"is": 12}'}, ["mnist has no class 12", "(data.target in the metadata of"]),
    ("odd", {"target": '"label"'}, ["The task binary needs two classes; the target label has 10"]),
    ("odd", {"target": '"value"'}, ["The task binary needs classes; the target value is a number"]),
    ("odd", {"output": "softmax"}, ["must name a task, and one of its outputs. The output of the "
                                    "task binary must be sigmoid or tanh; got 'softmax'"]),
    ("odd", {"output": "sigmoid"}, ["must end in sigmoid, the output in", "it ends in tanh"]),
    ("digit", {"output": "linear"}, ["must end in linear, the output in", "it ends in relu"]),
    ("odd", {"output": ""}, ["must be sigmoid or tanh; got ''"]),
    ("odd", {"task": "ranking"}, ["Unknown task 'ranking'"]),
    ("odd", {"task": "multiclass", "output": "softmax"}, ["A model file must have the signature",
                                                          "(probabilities: float32"]),
    ("odd", {"task": "regression", "output": "linear"}, ["(value: float32 [batch, "]),
    ("digit", {"target": '"label"'}, ["The task regression needs numbers; the target label has"]),
    ("digit", {"labels": '["a"]'}, ["and the labels none; got", '["a"]']),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changed", "words"), TAMPERED)
def test_tampered_metadata_is_refused(
    published: Path, tmp_path: Path, name: str, changed: dict[str, str], words: list[str]
) -> None:
    shutil.copyfile(model(published, name).path / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(with_metadata(**changed), "mine.onnx")(tmp_path)
    done = in_process("verify", tmp_path / "mine.onnx", *RUNTIME, "-C", published)
    assert_error(done, 2, *words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"output": "softmax"}, "The output of the task binary must be sigmoid or tanh"),
        ({"class_names": ["a", "b", "c"]}, "The task binary needs two classes"),
        ({"task": "regression", "output": None}, "The task regression needs numbers"),
        ({"task": "multiclass", "output": None}, r"must be probabilities: float32 \[batch, 2\]"),
    ],
)
def test_manifest_that_contradicts_itself(
    published: Path, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    shutil.copytree(published / "exported" / "odd", tmp_path / "exported" / "odd")
    path = tmp_path / "exported" / "odd" / "1" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    [found], broken = list_models(workspace=tmp_path)
    assert not broken
    with pytest.raises(ModelError, match=f"The manifest of odd contradicts itself: .*{words}"):
        found.manifest.open_task()
    done = in_process("verify", "odd", "-C", tmp_path)
    assert_error(done, 2, "contradicts itself")


@pytest.mark.parametrize("target", ["a b", {"is": 7, "pair": [1, 2]}, 3])
def test_manifest_with_an_unknown_target_is_broken(
    published: Path, tmp_path: Path, target: Any
) -> None:
    shutil.copytree(published / "exported" / "odd", tmp_path / "exported" / "odd")
    path = tmp_path / "exported" / "odd" / "1" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "target": target}))
    models, [error] = list_models(workspace=tmp_path)
    assert models == []
    assert "target: " in str(error)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: {name: array[:0] for name, array in arrays.items()}, "at least one image"),
        (lambda arrays: {**arrays, "allowed": np.full_like(arrays["allowed"], np.inf)}, "finite"),
        (
            lambda arrays: {
                "images": arrays["images"],
                "probabilities": np.repeat(arrays["probabilities"], 2, axis=1),
            },
            r"must have the shape \(\d+, 1\) of the model's predictions; got \(\d+, 2\)",
        ),
    ],
)
@pytest.mark.parametrize("name", ["odd", "digit"])
def test_golden_predictions_that_compare_nothing_are_refused(
    published: Path, tmp_path: Path, name: str, change: Callable[[Any], Any], words: str
) -> None:
    folder = model(published, name).path
    with np.load(folder / "golden.npz") as file:
        arrays = change(dict(file))
    np.savez(tmp_path / "golden.npz", **arrays)
    predictor = OnnxRuntimePredictor(folder / "model.onnx")
    task = model(published, name).manifest.open_task()
    with pytest.raises(ModelError, match=words):
        require_golden(predictor, tmp_path / "golden.npz", task, 1e-5)
