"""The worker that opens one file, without the process around it."""

import queue
import sys
import wave
from pathlib import Path

import pytest

from pipeline.runtimes import worker
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.registry import Runtime, all_runtimes


def never_opened(_path: Path) -> Predictor:
    raise AssertionError("the package must be refused first")


def test_unneeded_modules_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module stands for one that the runtime's package imports if it is installed."""
    package = PythonPackage("wave", "wave", "base")
    runtime = Runtime("silent", ("onnx",), package, never_opened, unneeded_modules=("wave",))
    monkeypatch.setattr(worker, "choose_runtime", lambda _name: runtime)
    monkeypatch.setattr(worker, "require_allowed", lambda *_: None)
    monkeypatch.setitem(sys.modules, "wave", wave)  # restored after the test
    request = worker.Request("silent", str(tmp_path), "x", "x", None, str(tmp_path), False)
    with pytest.raises(ModuleNotFoundError, match="import of wave halted"):
        worker.handle(request, 1, queue.Queue())


def test_saved_models_are_opened_without_keras() -> None:
    assert all_runtimes()["tensorflow"].unneeded_modules == ("keras",)
    assert all_runtimes()["keras"].unneeded_modules == ("matplotlib", "sklearn")
