"""All runtimes with real files: verification, resources and telemetry."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.checks import Check
from pipeline.artifacts.formats import FORMATS
from pipeline.config import read
from pipeline.errors import MissingPackages, ModelError, RequestError, WorkerFailed
from pipeline.progress import Silent
from pipeline.runtimes.isolated import run_isolated
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import num_threads
from pipeline.runtimes.registry import (
    Runtime,
    all_runtimes,
    choose_runtime,
    open_model,
    runtime_versions,
)
from pipeline.runtimes.telemetry import NO_TELEMETRY
from pipeline.stages import STAGES
from pipeline.system.resources import memory_bytes, num_processors
from pipeline.verification.comparing import Reference
from pipeline.verification.running import artifacts_in, verify
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT, SMOKE
from tests.support.processes import wait_until_ended
from tests.support.requirements import needs_browser, needs_node

NINE = {"tensorflow", "onnxruntime", "onnx-reference", "openvino", "opencv", "tract", "litert",
        "onnxruntime-node", "onnxruntime-web"}  # fmt: skip
IMAGES = np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28, 1)
INSTALLED = [name for name, runtime in all_runtimes().items() if runtime.installed]


@pytest.mark.browser
@needs_browser
@needs_node
def test_all_files_are_verified_in_all_runtimes(published: Path) -> None:
    assert set(INSTALLED) == NINE | {"keras"}
    checks = json.loads((published / "manifest.json").read_text())["verification"]
    assert all(check["ran"] and check["passed"] for check in checks)
    assert {check["runtime"] for check in checks} == NINE | {"keras"}
    by_file = {check["artifact"] for check in checks}
    assert len(by_file) == len(FORMATS)
    for check in checks:
        if check["precision"] == "float32":
            assert check["label_agreement"] == 1.0
            assert check["max_abs_diff"] <= 1e-5
    opened = {name: set(runtime.formats) for name, runtime in all_runtimes().items()}
    pairs = sum(len(formats) for formats in opened.values())
    assert len(checks) == pairs


def test_verification_records_time_and_memory(published: Path) -> None:
    checks = json.loads((published / "manifest.json").read_text())["verification"]
    for check in checks:
        cost = check["cost"]
        assert 0 < cost["load_seconds"] < 60
        assert cost["peak_memory_bytes"] > 10**7
        for size in ("1", "256"):
            time_ = cost["time_per_image"][size]
            assert 0 < time_["median_seconds"] <= time_["p99_seconds"]
            assert 1 <= time_["calls"] <= 200
        assert check["bytes"] > 10_000
        assert (check["asked"] == "f32") == (check["runtime"] == "openvino")
        is_copy = check["artifact"] in ("model.int8.onnx", "model.fp16.onnx")
        original = any(c["artifact"] == "model.onnx" and c["runtime"] == check["runtime"]
                       for c in checks)  # fmt: skip
        assert bool(check["times_of_original"]) == (is_copy and original)


def test_openvino_computes_in_float32(published: Path) -> None:
    """Queried from the compiled model, whatever the processor supports."""
    predictor = open_model(choose_runtime("openvino"), published / "model.xml")
    compiled = predictor._compiled(1)  # type: ignore[attr-defined]
    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_openvino_sends_no_telemetry(published: Path, tmp_path: Path) -> None:
    """By default it stores an identifier in the home folder, and sends an event on import."""
    code = (
        "import sys; from pathlib import Path\n"
        "from pipeline.runtimes.registry import choose_runtime, open_model\n"
        "choose_runtime('openvino').package.load()\n"
        "open_model(choose_runtime('openvino'), Path(sys.argv[1]))\n"
        "import pipeline.export.openvino\n"
        "assert sys.modules['openvino_telemetry'] is None"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    subprocess.run(
        [sys.executable, "-c", code, published / "model.xml"],
        check=True, cwd=PROJECT, env={**environment, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert not (tmp_path / "intel").exists()


def test_onnxruntime_sends_no_telemetry(published: Path, tmp_path: Path) -> None:
    """By default it starts a thread for telemetry, and leaves a file in TMPDIR."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from pipeline.runtimes.registry import choose_runtime, open_model\n"
        "choose_runtime('onnxruntime').package.load()\n"
        "open_model(choose_runtime('onnxruntime'), Path(sys.argv[1]))\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    environment = {k: v for k, v in os.environ.items() if k not in NO_TELEMETRY}
    subprocess.run(
        [sys.executable, "-c", code, published / "model.onnx"],
        check=True, cwd=PROJECT, env={**environment, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("all_cores")
def test_single_image_uses_one_thread(published: Path) -> None:
    assert num_threads(1) == 1
    assert num_threads(2) == num_threads(256) == num_processors()
    predictor = open_model(choose_runtime("onnxruntime"), published / "model.onnx")
    sessions = predictor._session  # type: ignore[attr-defined]
    for images, threads in ((1, 1), (2, num_processors())):
        predictor.predict(np.zeros((images, 28, 28, 1), np.uint8))
        assert sessions(threads).get_session_options().intra_op_num_threads == threads
    assert sessions.cache_info().currsize == len({1, num_processors()})


def test_single_thread_predictor_frees_the_file(published: Path) -> None:
    predictor = OnnxRuntimePredictor(published / "model.onnx")
    before = predictor.predict(IMAGES)
    model = predictor._session(1)._model_bytes
    predictor.use_one_thread()
    assert sys.getrefcount(model) == 2  # ours and the parameter
    np.testing.assert_allclose(predictor.predict(IMAGES), before, atol=1e-6)


def test_single_thread_mode_needs_no_private_member(published: Path) -> None:
    predictor = OnnxRuntimePredictor(published / "model.onnx")
    before = predictor.predict(IMAGES)
    session = predictor._session(1)
    del session._model_bytes
    predictor.use_one_thread()
    assert not hasattr(session, "_model_bytes")
    np.testing.assert_allclose(predictor.predict(IMAGES), before, atol=1e-6)


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({}, "", 2),
        ({"cpu.max": "max 100000"}, "0::/", 2),
        ({"cpu.max": "50000 100000"}, "0::/", 1),
        ({"cpu.max": "150000 100000"}, "0::/", 2),
        ({"cpu.max": "800000 100000"}, "0::/", 2),
        ({"a/b/cpu.max": "100000 100000"}, "0::/a/b", 1),
        ({"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 1),
        ({"c/cpu.max": "100000 100000"}, "0::/a/b", 2),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, "", 1),
        ({"cpu/x/cpu.cfs_quota_us": "100000", "cpu/x/cpu.cfs_period_us": "100000"},
         "3:cpu:/x", 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "3:cpu:/", 2),
    ],
)  # fmt: skip
def test_num_processors_respects_affinity_and_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], own: str, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {3, 5})
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(content + "\n")
    (tmp_path / "own").write_text(own + "\n")
    assert num_processors(tmp_path, tmp_path / "own") == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "2000000000"}, 2 * 10**9),
        ({"memory.max": "max"}, None),
        ({"memory/memory.limit_in_bytes": "1000000000"}, 10**9),
    ],
)
def test_memory_respects_the_container_limit(
    tmp_path: Path, files: dict[str, str], expected: int | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert memory_bytes(tmp_path, tmp_path / "none") == (expected or memory_bytes(tmp_path / "x"))


def test_worker_has_a_time_limit(published: Path, tmp_path: Path) -> None:
    images = tmp_path / "images.npy"
    os.mkfifo(images)  # without a writer, so the worker waits forever
    with pytest.raises(WorkerFailed, match=r"not opened within 0\.2 s"):
        run_isolated(
            choose_runtime("keras"), published / "model.keras", images, timeout_seconds=0.2
        )


@pytest.mark.browser
@needs_browser
def test_node_and_browser_exit_with_the_worker(published: Path) -> None:
    """No process is left after kill -9 of the parent process."""
    code = (
        "import sys; from pathlib import Path\n"
        "from pipeline.runtimes.registry import choose_runtime, open_model\n"
        "predictor = open_model(choose_runtime('onnxruntime-web'), Path(sys.argv[1]))\n"
        "print(predictor._process.pid, *predictor._processes, flush=True)\n"
        "sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, published / "model.onnx"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT,
    )  # fmt: skip
    assert parent.stdout is not None
    pids = parent.stdout.readline().split()
    assert len(pids) >= 2
    parent.kill()
    parent.communicate()
    wait_until_ended(pids)


def test_missing_package_is_reported_with_the_command(
    published: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = PythonPackage("no-such-thing", "no_such_thing", "runtimes")
    absent = Runtime("absent", ("onnx",), package, lambda _path: pytest.fail("opened"))
    assert not absent.installed
    with pytest.raises(MissingPackages, match=r"pip install 'dense-pipeline\[runtimes\]'"):
        open_model(absent, published / "model.onnx")
    monkeypatch.setitem(all_runtimes(), "absent", absent)
    artifacts = artifacts_in(published, ["onnx"])
    [check] = verify(artifacts, reference, Silent(), only=[absent])
    assert (check.ran, check.passed, check.failures) == (False, False, ())
    assert check.advice == "pip install 'dense-pipeline[runtimes]' (in a clone: make install)"
    assert runtime_versions()["absent"] == "not installed"


def test_table_shows_pass_fail_and_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.terminal.check_tables import print_verification

    checks = [
        Check("model.onnx", "onnxruntime", ran=True, max_abs_diff=2e-7, label_agreement=1.0,
              score=0.98),
        Check("model.xml", "openvino", ran=True, failures=("wrong",), asked="f32"),
        Check("model.onnx", "tract", ran=False, advice="pip install 'dense-pipeline[runtimes]'"),
    ]  # fmt: skip
    print_verification(checks, quiet=False, verbose=True)
    out = capsys.readouterr().out
    assert re.search(r"model.onnx +onnxruntime +pass +2.0e-07 +- +100.00% +0.9800", out)
    assert re.search(r"model.xml +openvino \(f32\) +FAIL", out)
    assert re.search(r"model.onnx +tract +not run", out)
    assert "not run in tract. To install: pip install 'dense-pipeline[runtimes]'" in out


@pytest.mark.process
def test_unknown_runtime_in_the_configuration_is_rejected(tmp_path: Path) -> None:
    done = in_process("run", PROJECT / "configs/smoke.yaml", "verify.runtimes=[onnxruntim]",
                   "-C", tmp_path)  # fmt: skip
    assert_error(done, 2, "Unknown runtime 'onnxruntim' (verify.runtimes in the override ",
                 "). Did you mean 'onnxruntime'? Choose from keras, ")  # fmt: skip
    with pytest.raises(ModelError):
        run_isolated(choose_runtime("onnxruntime"), tmp_path / "none.onnx")


@pytest.mark.process
def test_unverifiable_format_is_rejected_before_training(tmp_path: Path) -> None:
    done = in_process("run", PROJECT / "configs/smoke.yaml", "export.formats=[onnx,litert]",
                   "-C", tmp_path)  # fmt: skip
    assert_error(done, 2, "must include a runtime that opens litert; got tensorflow, onnxruntime")
    assert not (tmp_path / "runs" / "train").exists()


@pytest.mark.process
def test_copies_need_their_original(tmp_path: Path) -> None:
    done = in_process("run", PROJECT / "configs/smoke.yaml", "export.formats=[keras,onnx_int8]",
                   "-C", tmp_path)  # fmt: skip
    assert_error(done, 2, "export.formats", "onnx, the source of onnx_int8")


def test_runtimes_are_checked_even_if_the_export_is_up_to_date() -> None:
    verify = next(stage for stage in STAGES if stage.name == "verify")
    with pytest.raises(RequestError, match="a runtime that opens saved_model; got litert"):
        verify.preflight(read(SMOKE, ["verify.runtimes=[litert]"]), Silent())
