"""Combinations that make no sense are refused with file and line, before TensorFlow is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import Config, read
from pipeline.config.yaml_text import dump_yaml
from pipeline.errors import ConfigError
from pipeline.tasks.combinations import check_combinations
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT

BASE = {
    "multiclass": "name: x\ntask: multiclass\n",
    "binary": "name: x\ntask: binary\ndata: {target: parity}\n",
    "regression": "name: x\ntask: regression\ndata: {target: value}\n",
}
NEEDS_CLASSES = "needs classes; the target value is a number (data.target in "
NEEDS_NUMBERS = "The task regression needs numbers; the target "
NONSENSE: list[tuple[str, str, list[str]]] = [
    ("multiclass", "train: {loss: squared}",
     ["The loss of the task multiclass must be cross_entropy; got 'squared' (train.loss in ",
      "The softmax returns probabilities", "Change the loss or the task."]),
    ("multiclass", "model: {output: sigmoid}",
     ["The output of the task multiclass must be softmax; got 'sigmoid'",
      "It is an output of the task binary. Change the output or the task."]),
    ("multiclass", "data: {target: value}", ["The task multiclass " + NEEDS_CLASSES]),
    ("multiclass", "publish: {max_rmse: 1}",
     ["The task multiclass has no RMSE (publish.max_rmse in ", "Write publish.min_accuracy"]),
    ("multiclass", "train: {early_stopping: {monitor: val_mae}}",
     ["The task multiclass does not measure val_mae", "Write val_loss or val_accuracy."]),
    ("binary", "model: {output: softmax}", ["must be sigmoid or tanh; got 'softmax'",
                                            "It has one output for each class"]),
    ("binary", "train: {loss: absolute}", ["The loss of the task binary must be cross_entropy"]),
    ("binary", "data: {target: value}", ["The task binary " + NEEDS_CLASSES,
                                         "Choose another target, or write task: regression."]),
    ("binary", "export: {max_rmse_increase: 3}", ["The task binary has no RMSE",
                                                  "Write export.max_accuracy_drop instead;"]),
    ("regression", "train: {loss: cross_entropy}",
     ["must be squared or absolute; got 'cross_entropy'", "It compares probabilities"]),
    ("regression", "model: {output: softmax}", ["must be linear or relu; got 'softmax'"]),
    ("regression", "data: {target: parity}", [NEEDS_NUMBERS + "parity has the classes even, odd"]),
    ("regression", "data: {target: {is: 7}}", [NEEDS_NUMBERS + "{is: 7} has the classes not 7, 7"]),
    ("regression", "publish: {min_accuracy: 0.9}",
     ["The task regression has no accuracy (publish.min_accuracy in ", "Write publish.max_rmse"]),
    ("regression", "publish: {min_accuracy_on_sample: 0.9}", ["Write publish.max_rmse_on_sample"]),
    ("regression", "export: {max_accuracy_drop: 1}", ["Write export.max_rmse_increase instead;"]),
    ("regression", "train: {early_stopping: {monitor: val_accuracy}}",
     ["The task regression does not measure val_accuracy (train.early_stopping.monitor in ",
      "Write val_loss or val_mae."]),
]  # fmt: skip


def config_with(folder: Path, task: str, line: str) -> Path:
    """Write a configuration whose last line, the fourth, is the given one."""
    path = folder / "nonsense.yaml"
    key = line.partition(":")[0]
    kept = [text for text in BASE[task].splitlines() if text.partition(":")[0] != key]
    path.write_text("\n".join([*kept, *["# A comment."] * (3 - len(kept)), line, ""]))
    return path


@pytest.mark.parametrize(("task", "line", "words"), NONSENSE)
def test_nonsense_is_explained(tmp_path: Path, task: str, line: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_combinations(read(config_with(tmp_path, task, line)))
    for word in [*words, "nonsense.yaml, line 4)"]:
        assert word in str(caught.value)


def test_every_command_refuses_it_before_anything_is_written(tmp_path: Path) -> None:
    path = config_with(tmp_path, "regression", "data: {target: parity}")
    for arguments in (["run"], ["run", "--until", "data"], ["config"], ["gradcheck"]):
        name, *options = arguments
        place = [] if name == "config" else ["-C", tmp_path / "ws"]
        done = in_process(name, path, *options, *place)
        assert_error(done, 2, NEEDS_NUMBERS, "nonsense.yaml, line 4")
    assert not (tmp_path / "ws" / "runs" / "data").exists()


@pytest.mark.parametrize("task", BASE)
def test_resolved_configuration_is_accepted(tmp_path: Path, task: str) -> None:
    """It names every key, those of other tasks too, with defaults that limit nothing."""
    path = tmp_path / "a.yaml"
    path.write_text(BASE[task])
    config = read(path)
    check_combinations(config)
    (tmp_path / "resolved.yaml").write_text(dump_yaml(config.model_dump(mode="json")))
    again = read(tmp_path / "resolved.yaml")
    check_combinations(again)
    assert isinstance(again, Config)
    assert again.model_dump() == config.model_dump()


LATE = """
import sys
from typer.testing import CliRunner
from pipeline.cli import app
done = CliRunner().invoke(app, sys.argv[1:])
print(done.exit_code, done.stderr, "tensorflow" in sys.modules, "keras" in sys.modules)
"""


@pytest.mark.process
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("label", "The task binary needs two classes; the target label has 10 (data.target in"),
        ("{is: 12}", "mnist has no class 12 for the target {is: 12}"),
        ("partiy", "The feature 'partiy' of mnist does not exist"),
    ],
)
def test_target_is_checked_before_tensorflow_is_loaded(
    tmp_path: Path, target: str, words: str
) -> None:
    path = config_with(tmp_path, "binary", f"data: {{target: {target}}}")
    code = [sys.executable, "-c", LATE, "run", str(path), "-C", str(tmp_path / "ws")]
    done = subprocess.run(code, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout.startswith("2 Error: ")
    assert words in done.stdout
    assert "nonsense.yaml, line 4" in done.stdout
    assert done.stdout.endswith("False False\n")
    assert not list((tmp_path / "ws").rglob("*.npy"))
