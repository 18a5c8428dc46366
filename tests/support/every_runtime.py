"""Checks of exported files in every installed runtime, in this process and in others."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.formats import FLOAT32, FORMATS, artifact_path
from pipeline.runtimes.isolated import run_isolated
from pipeline.runtimes.processes import MeasurementLock
from pipeline.runtimes.registry import open_model, runtimes_for
from pipeline.verification.comparing import compare
from tests.support.exported_networks import Exported

FLOAT32_FORMATS = [name for name, item in FORMATS.items() if item.precision == FLOAT32]
_ELSEWHERE = {"onnxruntime-node", "onnxruntime-web"}  # not in this process


def assert_files_pass(exported: Exported) -> None:
    """Check every format in the runtimes of this process."""
    reference, seen = exported.reference(), set()
    for name, item in FORMATS.items():
        for runtime in runtimes_for(name):
            if runtime.installed and runtime.name not in _ELSEWHERE:
                found = exported.result(open_model(runtime, artifact_path(exported.folder, name)))
                assert compare(found, reference, item.precision) == (), (name, runtime.name)
                seen.add(name)
    assert {"onnx", "keras", "saved_model"} <= seen


def assert_file_passes_elsewhere(exported: Exported, name: str, folder: Path) -> None:
    """Check a format in Node.js and in the browser, or skip the test if neither is installed."""
    np.save(folder / "images.npy", exported.pixels)
    runtimes = [r for r in runtimes_for(name) if r.installed and r.name in _ELSEWHERE]
    if not runtimes:
        pytest.skip("neither Node.js nor Chromium with the npm packages: make javascript")
    for runtime in runtimes:
        found = run_isolated(
            runtime,
            artifact_path(exported.folder, name),
            folder / "images.npy",
            lock=MeasurementLock(1),
        )
        assert compare(found, exported.reference(), FORMATS[name].precision) == (), runtime.name
