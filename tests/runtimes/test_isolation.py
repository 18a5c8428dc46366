"""Worker processes: they import no files beside the model, and leave no processes behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import WorkerFailed
from pipeline.progress import Silent
from pipeline.runtimes import isolated
from pipeline.runtimes.isolated import run_isolated
from pipeline.runtimes.processes import MeasurementLock, WorkerProcess, end_workers
from pipeline.runtimes.registry import choose_runtime
from pipeline.verification import running
from pipeline.verification.comparing import Reference
from tests.support.command_line import assert_error, command
from tests.support.files import copy_package
from tests.support.paths import PROJECT
from tests.support.processes import wait_until_ended
from tests.support.requirements import needs_node


def endless_model(path: Path) -> None:
    """A model that multiplies large matrices for minutes unless its images are black."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 28, 28, 1])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["pixels"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["bright"], to=TensorProto.INT64),
        helper.make_node("Min", ["bright", "one"], ["any"]),  # 0 or 1
        helper.make_node("Mul", ["any", "shape"], ["rows"]),
        helper.make_node("Concat", ["rows", "shape"], ["size"], axis=0),
        helper.make_node("ConstantOfShape", ["size"], ["product_0"]),
        helper.make_node("Mul", ["any", "zero"], ["nothing"]),  # so that it is no constant
        helper.make_node("Add", ["nothing", "shape"], ["side"]),
        helper.make_node("Concat", ["side", "side"], ["square"], axis=0),
        helper.make_node("ConstantOfShape", ["square"], ["matrix"]),
    ]
    times = 1000
    nodes += [
        helper.make_node("MatMul", [f"product_{n}", "matrix"], [f"product_{n + 1}"])
        for n in range(times)
    ]
    nodes += [
        helper.make_node("ReduceSum", [f"product_{times}"], ["last"], keepdims=0),
        helper.make_node("Reshape", ["pixels", "flat_shape"], ["flat"]),
        helper.make_node("Slice", ["flat", "zero", "ten", "one"], ["some"]),
        helper.make_node("Add", ["some", "last"], ["probabilities"]),
    ]
    constants = [
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in (
            ("flat_shape", [-1, 784]), ("zero", [0]), ("ten", [10]), ("one", [1]), ("shape", [3000])
        )
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "g", [image], [output], constants)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


@pytest.mark.parametrize("search", [":/nowhere", ".", ""])
def test_module_beside_a_model_is_not_imported(
    published: Path, tmp_path: Path, search: str
) -> None:
    """``export PYTHONPATH=$PYTHONPATH:/x`` leaves an empty entry: the current folder."""
    shutil.copyfile(published / "model.onnx", tmp_path / "model.onnx")
    (tmp_path / "resource.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    np.save(tmp_path / "digit.npy", np.zeros((28, 28), np.uint8))
    command("predict", tmp_path / "model.onnx", tmp_path / "digit.npy", PYTHONPATH=search)
    assert not (tmp_path / "executed").exists()


def processes_with(word: str) -> list[str]:
    """The running processes with a word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:  # it exited meanwhile
            continue
    return [pid for pid in found if pid != str(os.getpid())]


def wait_until_gone(word: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while left := processes_with(word):
        assert time.monotonic() < deadline, f"{left} are still running"
        time.sleep(0.05)


@pytest.mark.process
@needs_node
def test_endless_model_leaves_no_process_behind(tmp_path: Path) -> None:
    """In Node.js it blocks the event loop, so only a signal stops it."""
    endless_model(tmp_path / "endless.onnx")
    np.save(tmp_path / "bright.npy", np.ones((1, 28, 28, 1), np.uint8))
    runtime = choose_runtime("onnxruntime-node")
    run_isolated(runtime, tmp_path / "endless.onnx")  # black images terminate
    with pytest.raises(WorkerFailed, match=r"no predictions within 30 s"):
        run_isolated(
            runtime, tmp_path / "endless.onnx", tmp_path / "bright.npy", timeout_seconds=30
        )
    wait_until_gone(str(tmp_path))


@pytest.mark.process
def test_single_file_is_tried_with_a_time_limit(tmp_path: Path) -> None:
    endless_model(tmp_path / "endless.onnx")
    np.save(tmp_path / "bright.npy", np.ones((28, 28), np.uint8))
    done = command(
        "predict", tmp_path / "endless.onnx", tmp_path / "bright.npy", PIPELINE_WORKER_SECONDS="30"
    )
    assert_error(done, 2, "endless.onnx in onnxruntime: no predictions within 30 s")
    wait_until_gone(str(tmp_path))


HANGING = """
import time
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.registry import Runtime

RUNTIME = Runtime("hanging", ("onnx",), PythonPackage("numpy", "numpy", "base"),
                  lambda path: time.sleep(1000))
"""


def test_hanging_runtime_fails_alone(complete: Path, tmp_path: Path) -> None:
    """The others wait with their measurement until its time limit, and pass."""
    copy_package(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "runtimes" / "hanging.py").write_text(HANGING)
    isolated = tmp_path / "pipeline" / "runtimes" / "isolated.py"
    limit = 'WorkerProcess(request_file, 10 if runtime.name == "hanging" else timeout_seconds)'
    code = isolated.read_text().replace("WorkerProcess(request_file, timeout_seconds)", limit)
    assert limit in code
    isolated.write_text(code)
    names = ("hanging", "onnxruntime", "onnx-reference")
    options = [word for name in names for word in ("--runtime", name)]
    model = complete / "exported" / "smoke" / "1"
    done = command("verify", model, *options, "-C", complete, "--json", cwd=tmp_path)
    checks = {(c["artifact"], c["runtime"]): c for c in json.loads(done.out)["checks"]}
    [failure] = checks["model.onnx", "hanging"]["failures"]
    assert failure.endswith("not opened within 10 s")
    others = [check for key, check in checks.items() if key[1] != "hanging"]
    assert others
    assert all(check["passed"] and check["cost"] for check in others)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_of_the_main_process_kills_its_workers(
    complete: Path, published: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Supervisors signal a single process, not the process group of a terminal."""
    shutil.copytree(published.parent, tmp_path / "smoke")
    verify = [
        sys.executable,
        "-m",
        "pipeline",
        "verify",
        str(tmp_path / "smoke"),
        "-C",
        str(complete),
    ]
    process = subprocess.Popen(verify, cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (workers := set(processes_with("pipeline.runtimes.worker")) & children_of(process)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number, errors
    assert "Error: Interrupted" in errors
    assert "Traceback" not in errors
    wait_until_ended(workers)


@pytest.mark.timeout(120, func_only=True)
def test_worker_started_after_the_interrupt_is_killed(
    published: Path, reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would wait for its images until its time limit."""
    starting, interrupted = threading.Event(), threading.Event()

    class Late(WorkerProcess):
        def __init__(self, request: Path, seconds: float) -> None:
            if json.loads(request.read_text())["display_name"] == "first":
                raise WorkerFailed("this one fails immediately")
            starting.set()
            interrupted.wait(60)
            super().__init__(request, seconds)

    class Interrupted(Silent):
        def task(self, *_: object, **_named: object) -> Any:
            return nullcontext(self)

        def update(self, *_: object) -> None:
            starting.wait(60)
            raise KeyboardInterrupt

    def end() -> None:
        end_workers()
        interrupted.set()

    os.mkfifo(tmp_path / "images.npy")
    monkeypatch.setattr(isolated, "WorkerProcess", Late)
    monkeypatch.setattr(running, "end_workers", end)
    [second] = running.artifacts_in(published, ["onnx"])
    with pytest.raises(KeyboardInterrupt):
        running.verify(
            [replace(second, path=Path("first")), second],
            replace(reference, images=tmp_path / "images.npy"),
            Interrupted(),
            only=[choose_runtime("onnxruntime")],
        )


def children_of(process: subprocess.Popen[str]) -> set[str]:
    """The children of a process, including those started by its threads."""
    found = set()
    for path in Path("/proc").glob(f"{process.pid}/task/*/children"):
        with suppress(OSError):  # the thread exited meanwhile
            found |= set(path.read_text().split())
    return found


def test_exclusive_turns_exclude_all_others() -> None:
    """Eight threads: none computes while another measures, and there is no deadlock."""
    lock, together, wrong = MeasurementLock(3), [], []

    def run() -> None:
        for _ in range(50):
            with lock.shared():
                together.append(1)
                time.sleep(0.0002)
                together.pop()
            with lock.exclusive():
                if together:
                    wrong.append(1)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong
