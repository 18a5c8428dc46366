"""The command line and the Python API."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pipeline
from pipeline.api import RunResult
from pipeline.artifacts.files import describe_files
from pipeline.artifacts.serialization import to_json
from tests.support.command_line import (
    ONNX_ALONE,
    Done,
    assert_error,
    command,
    in_process,
    run_smoke,
)
from tests.support.damaged_models import change_onnx, one_weight
from tests.support.files import contents, copy_package
from tests.support.paths import PROJECT, SMOKE

MLP = PROJECT / "configs" / "mlp.yaml"


def first_to_load_tensorflow(*commands: Sequence[object]) -> list[str]:
    """Run commands in a new process; return the first one that loaded TensorFlow or Keras."""
    code = (
        "import json, sys\nfrom pipeline.cli import app\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    try:\n        app(arguments)\n"
        "    except SystemExit as end:\n        assert not end.code, arguments\n"
        "    if {'tensorflow', 'keras'} & set(sys.modules):\n        break\n"
        "else:\n    arguments = []\n"
        "print('\\n' + json.dumps(arguments))"
    )
    listed = json.dumps([list(map(str, arguments)) for arguments in commands])
    done = subprocess.run(
        [sys.executable, "-c", code, listed], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_json_document_of_a_run(workspace: Path) -> None:
    document = json.loads(in_process("run", SMOKE, "-C", workspace, "--json").out)
    assert set(document) == {
        "name", "config", "data", "parameters", "stages", "metrics", "verification", "published",
    }  # fmt: skip
    assert set(document["data"]) == {"name", "source", "train", "validation", "test"}
    assert [s["name"] for s in document["stages"]] == [
        "data", "train", "evaluate", "export", "verify", "report", "publish",
    ]  # fmt: skip
    for stage in document["stages"]:
        assert set(stage) == {"name", "status", "seconds", "fingerprint", "path"}
        assert (Path(stage["path"]) / "manifest.json").is_file()
    for values in document["metrics"].values():
        assert set(values) == {"accuracy", "loss", "baseline"}
        assert values["baseline"] == {"accuracy": pytest.approx(0.1, abs=0.01)}
    assert {"artifact", "runtime", "max_abs_diff", "label_agreement", "accuracy", "passed"} <= set(
        document["verification"][0]
    )
    assert document["published"]["version"] == 1
    assert document["parameters"] == 785 * 32 + 33 * 10


def test_second_run_is_cached_and_loads_no_tensorflow(workspace: Path) -> None:
    before = contents(workspace)
    command_line = ("run", SMOKE, "--workspace", workspace)
    assert first_to_load_tensorflow(command_line) == []
    document = json.loads(in_process(*command_line, "--json").out)
    assert {stage["status"] for stage in document["stages"]} == {"cached"}
    assert contents(workspace) == before


def test_light_commands_load_no_tensorflow(workspace: Path) -> None:
    np.save(workspace / "a.npy", np.zeros((28, 28), np.uint8))
    commands: list[list[object]] = [
        ["--help"],
        ["models", "--workspace", workspace],
        ["why", SMOKE, "publish", "--workspace", workspace],
        ["runs", "--workspace", workspace],
        ["predict", workspace / "exported" / "smoke", workspace / "a.npy"],
        ["compare", "smoke/1", SMOKE, "--workspace", workspace],
        ["config", "--schema"],
    ]
    assert first_to_load_tensorflow(*commands) == []


def test_changed_batch_size_trains_again(workspace: Path) -> None:
    reasons = json.loads(
        in_process("why", SMOKE, "train", "train.batch_size=128", "-C", workspace, "--json").out
    )
    assert [(r["stage"], r["up_to_date"]) for r in reasons] == [("data", True), ("train", False)]
    assert reasons[1]["changes"] == ["train.batch_size changed from 64 to 128"]
    changed = ("train.batch_size=128", *ONNX_ALONE)
    document = json.loads(in_process("run", SMOKE, *changed, "-C", workspace, "--json").out)
    statuses = {stage["name"]: stage["status"] for stage in document["stages"]}
    assert statuses == {"data": "cached"} | dict.fromkeys(list(statuses)[1:], "ran")
    assert document["published"]["version"] == 2


def test_changed_helper_is_named_and_trains_again(workspace: Path, tmp_path: Path) -> None:
    copy_package(tmp_path / "code" / "pipeline")
    helper = tmp_path / "code" / "pipeline" / "models" / "keras_by_name.py"
    helper.write_text(helper.read_text() + "\nTOUCHED = True\n")
    edited = partial(command, cwd=tmp_path, PYTHONPATH=str(tmp_path / "code"))
    done = edited("why", SMOKE, "publish", "-C", workspace, "--json")
    reasons = {r["stage"]: r for r in json.loads(done.out)}
    assert reasons["data"]["up_to_date"]
    assert reasons["train"]["changes"] == ["the code of pipeline.models.keras_by_name changed"]
    assert reasons["evaluate"]["changes"] == ["the output of train changed"]
    done = edited("run", SMOKE, "-C", workspace, "--until", "train", "--json")
    assert [s["status"] for s in json.loads(done.out)["stages"]] == ["cached", "ran"]


def test_why_reports_up_to_date_and_new_stages(workspace: Path, tmp_path: Path) -> None:
    assert in_process("why", SMOKE, "publish", "-C", workspace).out.count("up to date") == 7
    done = in_process("why", SMOKE, "train", "-C", tmp_path)
    assert done.out.count("there is no earlier output") == 2
    unknown = in_process("why", SMOKE, "trian")
    assert_error(unknown, 2, "Unknown stage 'trian'. Did you mean 'train'? Choose from data")


@pytest.mark.tensorflow
def test_force_runs_a_stage_and_the_later_ones(onnx_run: RunResult, tmp_path: Path) -> None:
    shutil.copytree(workspace_of(onnx_run), tmp_path / "copy")
    done = in_process("run", *ONNX_RUN, "-C", tmp_path / "copy", "--force", "export", "--json")
    document = json.loads(done.out)
    assert [s["status"] for s in document["stages"]] == ["cached"] * 3 + ["ran"] * 4
    assert document["published"]["version"] == 2


def test_two_runs_give_the_same_bytes(smoke: Path, tmp_path: Path) -> None:
    """Another folder, another process: the same weights and the same ``model.onnx``."""
    done = run_smoke(tmp_path, "verify.runtimes=[onnxruntime,openvino,keras]")
    assert done.code == 0
    assert_no_noise(done)
    first, second = (w / "exported" / "smoke" / "1" for w in (smoke, tmp_path))
    assert (first / "model.onnx").read_bytes() == (second / "model.onnx").read_bytes()
    import keras

    weights = [keras.models.load_model(f / "model.keras").get_weights() for f in (first, second)]
    assert all(map(np.array_equal, *weights))


def assert_no_noise(done: Done) -> None:
    """Check that the output is one document, without messages of libraries."""
    json.loads(done.out)
    assert "oneDNN" not in done.err
    assert "cuda" not in done.err.lower()


ONNX_RUN = (SMOKE, "train.epochs=1", *ONNX_ALONE)


def run_onnx(workspace: Path) -> RunResult:
    config, *overrides = ONNX_RUN
    return pipeline.run(config, overrides, workspace=workspace)


def workspace_of(result: RunResult) -> Path:
    return result.stages[0].output.path.parents[2]


@pytest.fixture(scope="module")
def onnx_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A run with one epoch and one format; its workspace is read-only."""
    return run_onnx(tmp_path_factory.mktemp("onnx"))


@pytest.mark.tensorflow
def test_python_api_returns_the_same_typed_result_twice(
    onnx_run: RunResult, tmp_path: Path
) -> None:
    """Two runs in one process: counters of libraries must not get into the files."""
    found = []
    for result in (onnx_run, run_onnx(tmp_path)):
        assert [stage.status for stage in result.stages] == ["ran"] * 7
        assert result.metrics["test"].accuracy > 0.7
        assert result.published is not None
        found.append((result.published.path / "model.onnx").read_bytes())
    assert found[0] == found[1]


def test_predict_png_jpeg_and_npy(workspace: Path) -> None:
    [data] = (workspace / "runs" / "data").iterdir()
    images = np.load(data / "test_images.npy")[:20]
    predictor = pipeline.load_model(workspace / "exported" / "smoke")
    expected = predictor.predict(images)
    labels = [predictor.class_names[i] for i in expected.argmax(axis=1)]
    np.save(workspace / "digits.npy", images)
    Image.fromarray(images[0, :, :, 0]).save(workspace / "digit.png")
    Image.fromarray(images[0, :, :, 0]).save(workspace / "digit.jpg", quality=100)
    files = [workspace / name for name in ("digits.npy", "digit.png", "digit.jpg")]
    done = in_process("predict", workspace / "exported" / "smoke", *files, "--json")
    predictions = json.loads(done.out)
    assert [p["label"] for p in predictions[:20]] == labels
    assert predictions[20]["probability"] == pytest.approx(float(expected[0].max()), abs=1e-6)
    assert predictions[21]["label"] == labels[0]
    plain = in_process("predict", workspace / "exported" / "smoke" / "1", files[1])
    assert plain.out.split("\t")[1] == labels[0]
    single = in_process("predict", workspace / "exported" / "smoke" / "1" / "model.onnx", files[1])
    assert single.out == plain.out


def test_predict_says_what_a_picture_shows(smoke: Path) -> None:
    names = ("seven.png", "number_172.png", "empty_sheet.png")
    seven, number, empty = (PROJECT / "samples" / name for name in names)
    found = json.loads(
        in_process("predict", "smoke", seven, number, empty, "--json", "-C", smoke).out
    )
    assert [each["label"] for each in found] == ["7", None, None]
    assert [each["reason"] for each in found] == [None, "more than one digit", "no digit here"]
    assert [each["unsure"] for each in found][1:] == [True, True]
    assert [[digit["label"] for digit in each["digits"]] for each in found] == [
        ["7"],
        ["1", "7", "2"],
        [],
    ]
    assert found[0]["digits"][0]["box"] == pytest.approx([50, 39, 111, 126], abs=1)
    lines = in_process("predict", "smoke", seven, number, empty, "-C", smoke).out.splitlines()
    assert lines[0].startswith(f"{seven}\t7\t")
    boxes = [str(tuple(digit["box"])) for digit in found[1]["digits"]]
    assert lines[1:] == [
        f"{number}\t3 digits: more than one digit, at {boxes[0]}, {boxes[1]} and {boxes[2]}; "
        "to read them as a number: --many",
        f"{empty}\tno digit here",
    ]
    assert in_process("predict", "smoke", number, "--many", "-C", smoke).out.startswith(
        f"{number}\t172\t"
    )


def test_predict_says_where_a_digit_is_cut_off(smoke: Path, tmp_path: Path) -> None:
    with Image.open(PROJECT / "samples" / "seven.png") as picture:
        picture.crop((80, 0, *picture.size)).save(tmp_path / "part.png")
    [line] = in_process("predict", "smoke", tmp_path / "part.png", "-C", smoke).out.splitlines()
    assert re.search(r"\tcut off at the edge, at \(0, \d+, \d+, \d+\)$", line)


def test_predict_says_why_it_is_unsure(smoke: Path, tmp_path: Path) -> None:
    """Of arrays too, which are not searched for digits."""
    [data] = (smoke / "runs" / "data").iterdir()
    np.save(tmp_path / "a.npy", np.load(data / "test_images.npy")[:150])
    found = json.loads(
        in_process("predict", "smoke", tmp_path / "a.npy", "--json", "-C", smoke).out
    )
    reasons = [each["reason"] for each in found]
    assert [each["unsure"] for each in found] == [reason is not None for reason in reasons]
    assert all(each["unsure"] for each in found if each["probability"] < 0.5)
    likely = [reason for reason in reasons if reason]
    assert 0 < len(likely) < 75
    assert likely[0].startswith("the model is unsure: calibrated, ")
    lines = in_process("predict", "smoke", tmp_path / "a.npy", "-C", smoke).out.splitlines()
    assert [line.split("\t")[3:] for line in lines] == [[r] if r else [] for r in reasons]


def test_predict_by_name_of_the_published_model(smoke: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((28, 28), np.uint8))
    by_path = in_process("predict", smoke / "exported" / "smoke", tmp_path / "a.npy")
    for model in ("smoke", "smoke/1"):
        assert in_process("predict", model, tmp_path / "a.npy", "-C", smoke).out == by_path.out
    loaded = pipeline.load_model("smoke", workspace=smoke)
    assert loaded.metadata["data_set"] == "mnist"


def test_predict_explains_missing_and_swapped_files(smoke: Path, tmp_path: Path) -> None:
    done = in_process("predict", "smoke", tmp_path / "none.png", "-C", smoke)
    assert_error(done, 2, "none.png", "No such file", "Check the path")
    Image.new("L", (28, 28)).save(tmp_path / "digit.png")
    done = in_process("predict", tmp_path / "digit.png", "smoke", "-C", smoke)
    assert_error(done, 2, "digit.png is not a model file", "pipeline predict MODEL FILE")


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "none.yaml"], 2, ["No such configuration file: 'none.yaml'", "configs/mlp.yaml"]),
        (["run", MLP, "train.epoch=3"], 2, ["Did you mean train.epochs?"]),
        (["run", MLP, "optimizer={name: sdg}"], 2, ["Did you mean 'sgd'?"]),
        (["run", MLP, "model.activation=rellu"], 2, ["Did you mean 'relu'?"]),
        (["run", MLP, "data.name=mnits"], 2, ["Did you mean 'mnist'?"]),
        (["run", MLP, "optimizer={name: adam, beta_1: 1}"], 2, ["NaN", "optimizer.beta_1 in"]),
        (["run", MLP, "--until", "trane"], 2, ["Unknown stage 'trane'"]),
        (["run", MLP, "--until", ""], 2, ["Unknown stage ''"]),
        (["run", MLP, "--force", ""], 2, ["Unknown stage ''"]),
        (["predict", "exported/none", "a.png"], 2, ["is published in exported", "no such file"]),
        (["verify", "exported/none"], 2, ["is published in exported", "no such file"]),
    ],
)
def test_usage_errors(tmp_path: Path, arguments: list[object], code: int, words: list[str]) -> None:
    place = ["--workspace", tmp_path] if arguments[0] == "run" else []
    assert_error(in_process(*arguments, *place), code, *words)
    assert not list(tmp_path.rglob("*.npy"))
    assert not (tmp_path / "exported").exists()


def test_version_option() -> None:
    done = in_process("--version")
    assert (done.code, done.out) == (0, f"pipeline {metadata.version('dense-pipeline')}\n")


@pytest.mark.process
def test_errors_as_json(tmp_path: Path) -> None:
    done = in_process("run", MLP, "train.epoch=3", "--json", "-C", tmp_path)
    document = json.loads(done.out)
    assert document["error"]["type"] == "ConfigError"
    assert document["error"]["exit_code"] == done.code == 2


@pytest.mark.process
def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = in_process("run", MLP, "train.epoch=3", "--debug", "-C", tmp_path)
    assert "Traceback" in done.err
    assert done.code == 2


def test_batch_larger_than_the_data_is_rejected(workspace: Path) -> None:
    done = in_process("run", SMOKE, "train.batch_size=100000", "-C", workspace)
    assert_error(done, 2, "at most the number of training images, 3,667; got 100,000", "full")


def test_terminal_output_has_marks_and_colors(workspace: Path) -> None:
    """On a pseudo-terminal; the same command writes plain text into a pipe."""
    master, slave = pty.openpty()
    arguments = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "-C", str(workspace)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(arguments, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        process.wait()
    os.close(master)
    text = shown.decode()
    assert "✓" in text
    assert "\x1b[" in text
    plain = command("run", SMOKE, "-C", workspace)
    assert not re.search(r"\x1b\[", plain.out + plain.err)
    assert "- train     up to date" in plain.err
    assert "Verified 3 files in 4 runtimes, 4 checks: " in plain.out


@pytest.mark.process
def test_doctor_gives_advice(tmp_path: Path) -> None:
    done = command("doctor", "-C", tmp_path, "--json")
    assert done.code == 0
    findings = {finding["subject"]: finding for finding in json.loads(done.out)}
    assert findings["tensorflow"]["fine"]
    assert findings["runtime onnxruntime"]["fine"]
    assert not findings["data set mnist"]["fine"]
    assert "PIPELINE_MANUAL_DIR" in findings["data set mnist"]["advice"]


@pytest.mark.process
def test_force_after_until_is_rejected(tmp_path: Path) -> None:
    done = in_process("run", SMOKE, "--until", "data", "--force", "publish", "-C", tmp_path)
    assert_error(done, 2, "--force publish has no effect")


@pytest.mark.tensorflow
def test_workspace_path_with_brackets_and_spaces(tmp_path: Path) -> None:
    odd = tmp_path / "w s [red]ü[" / "x]"
    changed = ("train.epochs=1", "publish.min_accuracy_on_sample=0")
    runtimes = "verify.runtimes=[tensorflow,onnxruntime,keras]"
    done = in_process("run", SMOKE, *changed, runtimes, "-C", odd)
    assert done.code == 0, done.err
    assert f"Published {odd}/exported/smoke/1 (version 1)" in done.out


def test_failed_verification_is_one_json_document(workspace: Path) -> None:
    model = workspace / "exported" / "smoke"
    manifest = json.loads((model / "1" / "manifest.json").read_text())
    change_onnx(one_weight, "model.onnx")(model / "1")
    (model / "1" / "manifest.json").unlink()
    manifest["files"] = to_json(describe_files(model / "1"))  # as if published so
    (model / "1" / "manifest.json").write_text(json.dumps(manifest))
    done = in_process("verify", model, "-C", workspace, "--runtime", "onnxruntime", "--json")
    document = json.loads(done.out)
    assert done.code == 1
    assert document["passed"] is False
    assert "all labels must agree" in document["error"]
    assert [check["passed"] for check in document["checks"]] == [False]


def test_many_predictions_are_printed_quickly(workspace: Path) -> None:
    np.save(workspace / "many.npy", np.zeros((20_000, 28, 28), np.uint8))
    model = workspace / "exported" / "smoke"
    done = command("predict", model, workspace / "many.npy", workspace / "many.npy", timeout=60)
    assert len(done.out.splitlines()) == 40_000


def test_read_only_commands_write_nothing(
    smoke: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(smoke)
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ["doctor", "-C", smoke],
        ["models", "-C", smoke],
        ["runs", "-C", smoke],
        ["clean", "--keep", "0", "--dry-run", "-C", smoke],
        ["config", SMOKE],
    ):
        assert in_process(*arguments).code == 0
    assert contents(smoke) == before
    assert contents(tmp_path) == []
