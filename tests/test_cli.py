"""The command line and the Python API as users meet them."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import PROJECT, SMOKE, Done, assert_error, command, contents, run_smoke
from PIL import Image
from test_damage import change_onnx, one_weight

import pipeline
from pipeline.store import describe_files

MLP = PROJECT / "configs" / "mlp.yaml"


@pytest.fixture
def workspace(smoke: Path, tmp_path: Path) -> Path:
    """A copy of the smoke workspace that a test may go on in."""
    shutil.copytree(smoke, tmp_path / "workspace")
    return tmp_path / "workspace"


def loads_tensorflow(*arguments: object) -> bool:
    """Run a command in a fresh process; does it end with TensorFlow or Keras loaded?"""
    code = (
        "import sys\nfrom pipeline.cli import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('LOADED' if {'tensorflow', 'keras'} & set(sys.modules) else 'LIGHT')"
    )
    arguments = tuple(map(str, arguments))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().endswith("LOADED")


def test_the_json_document_is_as_designed(workspace: Path) -> None:
    document = json.loads(run_smoke(workspace).out)
    assert set(document) == {
        "name", "config", "data", "parameters", "stages", "metrics", "verification", "published",
    }  # fmt: skip
    assert set(document["data"]) == {"name", "source", "train", "validation", "test"}
    assert [s["name"] for s in document["stages"]] == [
        "data", "train", "evaluate", "export", "verify", "publish",
    ]  # fmt: skip
    for stage in document["stages"]:
        assert set(stage) == {"name", "status", "seconds", "fingerprint", "path"}
        assert (Path(stage["path"]) / "manifest.json").is_file()
    for values in document["metrics"].values():
        assert set(values) == {"accuracy", "loss"}
    assert {"artifact", "runtime", "max_abs_diff", "label_agreement", "accuracy", "passed"} <= set(
        document["verification"][0]
    )
    assert document["published"]["version"] == 1
    assert document["parameters"] == 785 * 32 + 33 * 10


def test_a_second_run_runs_nothing_and_loads_no_tensorflow(workspace: Path) -> None:
    before = contents(workspace)
    assert not loads_tensorflow("run", SMOKE, "--workspace", workspace)
    document = json.loads(run_smoke(workspace).out)
    assert {stage["status"] for stage in document["stages"]} == {"cached"}
    assert contents(workspace) == before


def test_light_commands_load_no_tensorflow(workspace: Path) -> None:
    np.save(workspace / "a.npy", np.zeros((28, 28), np.uint8))
    for arguments in (
        ["--help"],
        ["models", "--workspace", workspace],
        ["why", SMOKE, "publish", "--workspace", workspace],
        ["predict", workspace / "exported" / "smoke", workspace / "a.npy"],
        ["config", "--schema"],
    ):
        assert not loads_tensorflow(*arguments), arguments


def test_another_batch_size_runs_from_train_on(workspace: Path) -> None:
    reasons = json.loads(
        command("why", SMOKE, "train", "train.batch_size=128", "-C", workspace, "--json").out
    )
    assert [(r["stage"], r["up_to_date"]) for r in reasons] == [("data", True), ("train", False)]
    assert reasons[1]["changes"] == ["train.batch_size was 64, is 128"]
    document = json.loads(run_smoke(workspace, "train.batch_size=128").out)
    statuses = {stage["name"]: stage["status"] for stage in document["stages"]}
    assert statuses == {"data": "cached"} | dict.fromkeys(list(statuses)[1:], "ran")
    assert document["published"]["version"] == 2


def test_a_touched_helper_is_named_and_runs_again(workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "pipeline", tmp_path / "code" / "pipeline")
    helper = tmp_path / "code" / "pipeline" / "names.py"
    helper.write_text(helper.read_text() + "\n# touched\n")
    environment = {"PYTHONPATH": str(tmp_path / "code")}
    done = command("why", SMOKE, "publish", "-C", workspace, "--json", cwd=tmp_path, **environment)
    reasons = {r["stage"]: r for r in json.loads(done.out)}
    assert reasons["data"]["up_to_date"]
    assert reasons["train"]["changes"] == ["the code of pipeline.names was changed"]
    assert reasons["evaluate"]["changes"] == ["the output of train is another one"]
    until = ("--until", "train", "--json")
    done = command("run", SMOKE, "-C", workspace, *until, cwd=tmp_path, **environment)
    assert [s["status"] for s in json.loads(done.out)["stages"]] == ["cached", "ran"]


def test_why_says_what_is_up_to_date_and_what_never_ran(workspace: Path, tmp_path: Path) -> None:
    assert command("why", SMOKE, "publish", "-C", workspace).out.count("up to date") == 6
    done = command("why", SMOKE, "train", "-C", tmp_path)
    assert done.out.count("there is no earlier output") == 2
    assert_error(command("why", SMOKE, "trian"), 2, "A stage must be one of", "'trian'")


def test_force_runs_a_stage_and_those_after(workspace: Path) -> None:
    done = command("run", SMOKE, "-C", workspace, "--force", "export", "--json")
    document = json.loads(done.out)
    assert [s["status"] for s in document["stages"]] == ["cached"] * 3 + ["ran"] * 3
    assert document["published"]["version"] == 2


def test_two_runs_give_the_same_bytes(smoke: Path, tmp_path: Path) -> None:
    """Another folder, another process: the same weights and the same ``model.onnx``."""
    assert run_smoke(tmp_path).code == 0
    first, second = (w / "exported" / "smoke" / "1" for w in (smoke, tmp_path))
    assert (first / "model.onnx").read_bytes() == (second / "model.onnx").read_bytes()
    import keras

    weights = [keras.models.load_model(f / "model.keras").get_weights() for f in (first, second)]
    assert all(map(np.array_equal, *weights))


def test_a_script_gets_a_typed_result_twice_the_same(tmp_path: Path) -> None:
    """Two runs in one process: counters of libraries must not reach the files."""
    found = []
    for name in ("one", "two"):
        result = pipeline.run(SMOKE, ["train.epochs=1"], workspace=tmp_path / name)
        assert [stage.status for stage in result.stages] == ["ran"] * 6
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
    done = command("predict", workspace / "exported" / "smoke", *files, "--json")
    answers = json.loads(done.out)
    assert [a["label"] for a in answers[:20]] == labels
    assert answers[20]["probability"] == pytest.approx(float(expected[0].max()), abs=1e-6)
    assert answers[21]["label"] == labels[0]
    plain = command("predict", workspace / "exported" / "smoke" / "1", files[1])
    assert plain.out.split("\t")[1] == labels[0]
    single = command("predict", workspace / "exported" / "smoke" / "1" / "model.onnx", files[1])
    assert single.out == plain.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "none.yaml"], 2, ["can be read", "none.yaml"]),
        (["run", MLP, "train.epoch=3"], 2, ["Did you mean 'epochs'?"]),
        (["run", MLP, "optimizer={name: sdg}"], 2, ["Did you mean 'sgd'?"]),
        (["run", MLP, "model.activation=rellu"], 2, ["Did you mean 'relu'?"]),
        (["run", MLP, "data.name=mnits"], 2, ["Did you mean 'mnist'?"]),
        (["run", MLP, "--until", "trane"], 2, ["A stage must be one of"]),
        (["predict", "exported/none", "a.png"], 2, ["published folder", "does not exist"]),
        (["verify", "exported/none"], 2, ["published folder", "does not exist"]),
    ],
)
def test_bad_requests(tmp_path: Path, arguments: list[object], code: int, words: list[str]) -> None:
    place = ["--workspace", tmp_path] if arguments[0] == "run" else []
    assert_error(command(*arguments, *place), code, *words)
    assert not list(tmp_path.rglob("*.npy"))
    assert not (tmp_path / "exported").exists()


def test_errors_are_documents_too(tmp_path: Path) -> None:
    done = command("run", MLP, "train.epoch=3", "--json", "-C", tmp_path)
    document = json.loads(done.out)
    assert document["error"]["type"] == "ConfigError"
    assert document["error"]["exit_code"] == done.code == 2


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = command("run", MLP, "train.epoch=3", "--debug", "-C", tmp_path)
    assert "Traceback" in done.err
    assert done.code == 2


def test_divergence_stops_the_run_and_nothing_is_published(workspace: Path) -> None:
    done = run_smoke(workspace, "optimizer={name: sgd, learning_rate: 1e30}")
    assert_error(done, 1, "epoch 1, step", "Nothing is published", "learning_rate")
    assert len(list((workspace / "exported" / "smoke").glob("[0-9]*"))) == 1


def test_a_corrupted_weight_ends_the_run_and_nothing_is_published(tmp_path: Path) -> None:
    """One weight of one exported file, changed where the run would not notice by its size."""
    done = command("run", SMOKE, "-C", tmp_path, "--until", "export", "--json")
    path = Path(json.loads(done.out)["stages"][-1]["path"]) / "model.onnx"
    corrupt_largest_weight(path)
    done = run_smoke(tmp_path)
    assert_error(done, 1, "model.onnx in onnxruntime", "model.onnx in onnx-reference")
    assert "model.keras" not in done.err.partition("got:")[2]
    assert not (tmp_path / "exported").exists()
    again = command("run", SMOKE, "-C", tmp_path, "--force", "export", "--json")
    assert json.loads(again.out)["published"]["version"] == 1


def corrupt_largest_weight(path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = numpy_helper.to_array(largest).copy()
    values[14 * 28 + 14, 0] += 0.5  # a pixel in the middle, where digits have ink
    largest.CopyFrom(numpy_helper.from_array(values, largest.name))
    size = path.stat().st_size
    onnx.save(model, path)
    assert path.stat().st_size == size


def test_a_batch_larger_than_the_data_is_refused(workspace: Path) -> None:
    done = run_smoke(workspace, "train.batch_size=100000")
    assert_error(done, 2, "at most the number of training images, 3,667; got 100,000", "full")


def test_no_write_permission(tmp_path: Path) -> None:
    """Root writes everywhere; without this capability root meets what others meet."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    prefix = drop if os.geteuid() == 0 else []
    arguments = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "-C", str(folder)]
    done = subprocess.run([*prefix, *arguments], capture_output=True, text=True, check=False)
    assert_error(
        Done(done.returncode, done.stdout, done.stderr),
        3,
        f"{folder}/runs",
        "permission is denied",
        "--workspace",
    )
    assert contents(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
@pytest.mark.parametrize("size", ["200k", "3m", "5m"])
def test_a_full_disk_in_any_stage(workspace: Path, size: str) -> None:
    """Small enough for the data, the model or the exported files not to fit."""
    disk = workspace / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        done = run_smoke(disk, "model.hidden=[512]")
        assert_error(done, 3, "no space is left on the device", "was kept")
        assert not [name for name in contents(disk) if ".tmp-" in name]
        assert not (disk / "exported" / "smoke" / "1").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_killed_at_random_moments_the_next_run_goes_on(tmp_path: Path) -> None:
    """kill -9 at moments spread over the whole run; at the end everything is whole."""
    generator = np.random.default_rng(5)
    arguments = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "-C", str(tmp_path)]
    for wait in generator.uniform(0.5, 14, 8):
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=float(wait))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()  # type: ignore[union-attr]
        assert_whole(tmp_path)
    done = run_smoke(tmp_path)
    assert done.code == 0, done.err
    assert json.loads(done.out)["published"]["version"] == 1
    assert_whole(tmp_path)
    assert not [name for name in contents(tmp_path / "exported") if ".tmp-" in name]


def assert_whole(workspace: Path) -> None:
    """What has a final name is complete and is what its manifest says."""
    from pipeline.publishing.published import list_published
    from pipeline.store import describe_files

    for folder in (workspace / "runs").glob("*/[0-9a-f]*"):
        manifest = json.loads((folder / "manifest.json").read_text())
        found = {k: v for k, v in describe_files(folder).items() if k != "manifest.json"}
        assert found == manifest["outputs"]
    models, broken = list_published(workspace / "exported")
    assert broken == []
    assert all(model.alterations() == [] for model in models)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    arguments = [*map(str, ("run", SMOKE, "train.epochs=100000", "-C", tmp_path))]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments], stderr=subprocess.PIPE, text=True
    )
    while not list((tmp_path / "runs").glob("train/.tmp-*")):
        time.sleep(0.1)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted. What was finished is kept" in err
    assert "Traceback" not in err
    assert list((tmp_path / "runs" / "data").iterdir())
    assert list((tmp_path / "runs" / "train").iterdir()) == []


def test_on_a_terminal_there_are_marks_and_a_table(workspace: Path) -> None:
    """A real pseudo-terminal; the same command into a pipe is plain text."""
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
    assert "model.onnx" in plain.out


def test_doctor_says_what_to_do(tmp_path: Path) -> None:
    done = command("doctor", "-C", tmp_path, "--json")
    assert done.code == 0
    findings = {finding["subject"]: finding for finding in json.loads(done.out)}
    assert findings["tensorflow"]["fine"]
    assert findings["runtime onnxruntime"]["fine"]
    assert not findings["data set mnist"]["fine"]
    assert "PIPELINE_MANUAL_DIR" in findings["data set mnist"]["advice"]


def test_library_noise_stays_out_of_the_output(workspace: Path) -> None:
    done = run_smoke(workspace, "train.epochs=1")
    json.loads(done.out)
    assert "oneDNN" not in done.err
    assert "cuda" not in done.err.lower()


def test_two_runs_at_once_agree(tmp_path: Path) -> None:
    """The same configuration, the same workspace, the same moment: one version, both succeed."""
    arguments = [sys.executable, "-m", "pipeline", "run", str(SMOKE), "-C", str(tmp_path), "--json"]
    processes = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    documents = []
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        documents.append(json.loads(out))
    fingerprints = [[s["fingerprint"] for s in d["stages"]] for d in documents]
    assert fingerprints[0] == fingerprints[1]
    assert documents[0]["metrics"] == documents[1]["metrics"]
    assert documents[0]["published"] == documents[1]["published"]
    assert_whole(tmp_path)
    assert not [name for name in contents(tmp_path) if ".tmp-" in name]


def test_altered_data_is_not_trained_on(workspace: Path) -> None:
    """The same size, other bytes: the stage that reads them notices, and they are made anew."""
    [data] = (workspace / "runs" / "data").iterdir()
    labels = data / "train_labels.npy"
    original = labels.read_bytes()
    labels.write_bytes(original[:-800] + bytes(800))
    document = json.loads(run_smoke(workspace, "train.seed=5").out)
    assert [s["status"] for s in document["stages"][:2]] == ["ran", "ran"]
    assert labels.read_bytes() == original


def test_force_after_until_is_refused(tmp_path: Path) -> None:
    done = command("run", SMOKE, "--until", "data", "--force", "publish", "-C", tmp_path)
    assert_error(done, 2, "--force must name a stage that runs; got 'publish'")


def test_a_workspace_with_brackets_and_spaces(tmp_path: Path) -> None:
    odd = tmp_path / "w s [red]ü[" / "x]"
    done = command("run", SMOKE, "-C", odd, "train.epochs=1", "publish.min_accuracy_on_sample=0")
    assert done.code == 0, done.err
    assert f"Published {odd}/exported/smoke/1 (version 1)" in done.out


def test_verification_is_one_document_when_it_refuses(workspace: Path) -> None:
    model = workspace / "exported" / "smoke"
    manifest = json.loads((model / "1" / "manifest.json").read_text())
    change_onnx(one_weight, "model.onnx")(model / "1")
    (model / "1" / "manifest.json").unlink()
    manifest["files"] = describe_files(model / "1")  # as if it had been published so
    (model / "1" / "manifest.json").write_text(json.dumps(manifest))
    done = command("verify", model, "-C", workspace, "--runtime", "onnxruntime", "--json")
    document = json.loads(done.out)
    assert done.code == 1
    assert document["passed"] is False
    assert "every label must agree" in document["error"]
    assert [check["passed"] for check in document["checks"]] == [False]


def test_many_images_are_told_at_once(workspace: Path) -> None:
    np.save(workspace / "many.npy", np.zeros((20_000, 28, 28), np.uint8))
    model = workspace / "exported" / "smoke"
    done = command("predict", model, workspace / "many.npy", workspace / "many.npy", timeout=60)
    assert len(done.out.splitlines()) == 40_000


def test_a_full_output_is_no_mistake_of_the_pipeline(workspace: Path) -> None:
    with Path("/dev/full").open("w") as full:
        arguments = [sys.executable, "-m", "pipeline", "models", "-C", str(workspace), "--json"]
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (
        done.stderr == b"Error: The output could not be read or written: No space left on device.\n"
    )
    assert done.returncode == 3


def test_commands_that_read_write_nothing(smoke: Path, tmp_path: Path) -> None:
    before = contents(smoke)
    for arguments in (["doctor", "-C", smoke], ["models", "-C", smoke], ["config", SMOKE]):
        assert command(*arguments, cwd=tmp_path, PYTHONPATH=str(PROJECT)).code == 0
    assert contents(smoke) == before
    assert contents(tmp_path) == []
