"""Failed, killed and concurrent runs: completed work is kept, nothing is half written."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import pipeline
from tests.support.command_line import ONNX_ALONE, Done, assert_error, in_process
from tests.support.files import contents
from tests.support.paths import SMOKE
from tests.support.processes import not_ignored, wait_until


def test_divergence_stops_the_run_without_publishing(workspace: Path) -> None:
    done = in_process("run", SMOKE, "optimizer={name: sgd, learning_rate: 1e30}", "-C", workspace)
    assert_error(done, 1, "epoch 1, step", "Nothing was published", "learning_rate")
    assert len(list((workspace / "exported" / "smoke").glob("[0-9]*"))) == 1


def test_corrupted_weight_stops_the_run_without_publishing(workspace: Path) -> None:
    """One weight of an exported file is changed, which leaves the size of the file the same."""
    for folder in ("runs/verify", "runs/publish", "exported"):
        shutil.rmtree(workspace / folder)
    [path] = (workspace / "runs" / "export").glob("*/model.onnx")
    corrupt_largest_weight(path)
    # OpenVINO opens the SavedModel in a tenth of TensorFlow's time.
    runtimes = "verify.runtimes=[onnxruntime,onnx-reference,openvino,keras]"
    command_line = ("run", SMOKE, runtimes, "-C", workspace, "--json")
    done = in_process(*command_line)
    assert_error(done, 1, "model.onnx in onnxruntime", "model.onnx in onnx-reference")
    assert "model.keras" not in done.err.partition("got:")[2]
    assert not (workspace / "exported").exists()
    again = in_process(*command_line, "--force", "export")
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


@pytest.mark.process
def test_missing_write_permission_is_reported(tmp_path: Path) -> None:
    """Root may write anywhere, unless this capability is dropped."""
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
        "permission denied",
        "--workspace",
    )
    assert contents(folder) == []


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
@pytest.mark.parametrize("size", ["200k", "3m", "5m"])
def test_full_disk_in_any_stage_is_reported(workspace: Path, size: str) -> None:
    """Too small for the data, the model or the exported files."""
    disk = workspace / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        done = in_process("run", SMOKE, "model.hidden=[512]", "-C", disk)
        assert_error(done, 3, "no space left on the device", "was saved")
        assert not [name for name in contents(disk) if ".tmp-" in name]
        assert not (disk / "exported" / "smoke" / "1").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.process
def test_run_resumes_after_kills_in_every_stage(tmp_path: Path) -> None:
    """kill -9 at random moments after a stage has begun; the next run gets to the next stage."""
    generator = np.random.default_rng(5)
    command_line = ["run", str(SMOKE), *ONNX_ALONE, "-C", str(tmp_path)]
    arguments = [sys.executable, "-m", "pipeline", *command_line]
    for stage in ("data", "train", "export", "verify", "publish"):
        with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
            wait_until(partial(has_begun, tmp_path / "runs" / stage), 300)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=generator.uniform(0, 0.5))
            process.kill()
        assert_whole(tmp_path)
    done = in_process(*command_line, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["published"]["version"] == 1
    assert_whole(tmp_path)
    assert not [name for name in contents(tmp_path / "exported") if ".tmp-" in name]


def has_begun(stage: Path) -> bool:
    return stage.is_dir() and any(stage.iterdir())


def assert_whole(workspace: Path) -> None:
    """Everything under a final name is complete and matches its manifest."""
    from pipeline.artifacts.files import describe_files
    from pipeline.artifacts.serialization import to_json
    from pipeline.publishing.listing import list_published

    for folder in (workspace / "runs").glob("*/[0-9a-f]*"):
        manifest = json.loads((folder / "manifest.json").read_text())
        found = {k: v for k, v in to_json(describe_files(folder)).items() if k != "manifest.json"}
        assert found == manifest["outputs"]
    models, broken = list_published(workspace / "exported")
    assert broken == []
    assert all(model.alterations() == [] for model in models)


@pytest.mark.process
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (signal.SIGINT, "Interrupted. Completed work is saved: run the same command again"),
        (signal.SIGTERM, "Interrupted by SIGTERM. Completed work is saved: run the same command"),
        (signal.SIGHUP, "Interrupted by SIGHUP. Completed work is saved: run the same command"),
    ],
)
def test_signal_keeps_completed_work(tmp_path: Path, number: signal.Signals, text: str) -> None:
    log = tmp_path / "log.csv"
    callback = "train.callbacks=[{name: csv_logger, filename: log.csv}]"
    arguments = [*map(str, ("run", SMOKE, "train.epochs=100000", callback, "-C", tmp_path))]
    with not_ignored(number):
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments], stderr=subprocess.PIPE, text=True
        )
    while not (log.exists() and log.read_text().count("\n") > 1):  # until an epoch is over
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert f"Error: {text}" in err
    assert "Traceback" not in err
    assert list((tmp_path / "runs" / "data").iterdir())
    assert list((tmp_path / "runs" / "train").iterdir()) == []
    assert len(list((tmp_path / "runs" / "checkpoints").glob("*.npz"))) == 1
    [recorded] = pipeline.runs(workspace=tmp_path)
    assert recorded.status == "interrupted"
    assert re.fullmatch(r"epoch \d+", recorded.stopped_in or "")
    assert not [name for name in contents(tmp_path) if ".tmp-" in name]


@pytest.mark.process
def test_concurrent_runs_agree(tmp_path: Path) -> None:
    """Same configuration, workspace and time: both succeed, and one version is published."""
    command_line = ["run", str(SMOKE), *ONNX_ALONE, "-C", str(tmp_path), "--json"]
    arguments = [sys.executable, "-m", "pipeline", *command_line]
    processes = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    documents = []
    for process in processes:
        out, err = process.communicate(timeout=500)
        assert process.returncode == 0, err
        documents.append(json.loads(out))
    fingerprints = [[s["fingerprint"] for s in d["stages"]] for d in documents]
    assert fingerprints[0] == fingerprints[1]
    assert documents[0]["metrics"] == documents[1]["metrics"]
    versions = [document["published"]["version"] for document in documents]
    assert versions == [1, 1]
    [recorded] = pipeline.runs(workspace=tmp_path)
    assert recorded.status == "complete"
    assert_whole(tmp_path)
    assert not [name for name in contents(tmp_path) if ".tmp-" in name]


def test_altered_data_is_not_used_for_training(workspace: Path) -> None:
    """Same size, other bytes: detected before a stage reads them, and the data is made again."""
    [data] = (workspace / "runs" / "data").iterdir()
    labels = data / "train_labels.npy"
    original = labels.read_bytes()
    labels.write_bytes(original[:-800] + bytes(800))
    options = ("train.seed=5", "-C", workspace, "--until", "train", "--json")
    document = json.loads(in_process("run", SMOKE, *options).out)
    assert [s["status"] for s in document["stages"]] == ["ran", "ran"]
    assert labels.read_bytes() == original


def test_full_standard_output_is_not_an_internal_error(workspace: Path) -> None:
    with Path("/dev/full").open("w") as full:
        arguments = [sys.executable, "-m", "pipeline", "models", "-C", str(workspace), "--json"]
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.stderr == b"Error: Cannot read or write the output: No space left on device.\n"
    assert done.returncode == 3
