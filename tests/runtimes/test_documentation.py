"""docs/runtimes.md: all examples are executed, and the example runtime is added."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runtimes.npm import CHROMIUM, packages_folder
from pipeline.runtimes.packages import find_program
from tests.support.files import copy_package
from tests.support.paths import PROJECT
from tests.support.requirements import needs_browser, needs_node

PAGE = (PROJECT / "docs" / "runtimes.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


EXAMPLES, NEW_RUNTIME = blocks("python")[:-1], blocks("python")[-1]


@pytest.fixture(scope="module")
def folder(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after ``make run``: the examples use ``exported/mlp``."""
    path = tmp_path_factory.mktemp("runtimes")
    shutil.copytree(complete / "exported" / "smoke", path / "exported" / "mlp")
    (path / "node_modules").symlink_to(packages_folder() / "node_modules")
    return path


def run(*arguments: object, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, arguments)),
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CI": "true"},  # CI: OpenVINO is silent
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_every_runtime_has_a_short_example() -> None:
    names = ("onnxruntime", "tensorflow", "ReferenceEvaluator", "openvino", "cv2", "tract",
             "ai_edge_litert")  # fmt: skip
    for name in names:
        assert any(name in example for example in EXAMPLES), name
    shown = [*EXAMPLES, *blocks("js"), *blocks("html")]
    assert len(shown) == 9
    assert all(len(example.splitlines()) <= 12 for example in shown)


@pytest.mark.parametrize("example", EXAMPLES)
def test_python_example_runs(folder: Path, example: str) -> None:
    labels = re.findall(r"\[(\d)(?: (\d))?\]", run(sys.executable, "-c", example, cwd=folder))
    assert labels, example
    first, second = labels[0]
    assert first == second  # the same image twice


@needs_node
def test_nodejs_example_runs(folder: Path) -> None:
    [example] = blocks("js")
    (folder / "example.mjs").write_text(example)
    assert run("node", "example.mjs", cwd=folder).startswith("[ 2, 10 ] Float32Array(20)")


@pytest.mark.browser
@needs_browser
def test_browser_example_runs(folder: Path) -> None:
    [example] = blocks("html")
    (folder / "example.html").write_text(example)
    script, page = PROJECT / "tests" / "js" / "example.mjs", folder / "example.html"
    out = run("node", script, find_program(CHROMIUM), page, folder, cwd=folder)
    assert "[2, 10] Float32Array(20)" in out


def test_new_runtime_takes_one_file(complete: Path, tmp_path: Path) -> None:
    """In a copy of the package, as the page describes."""
    copy_package(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "runtimes" / "plain_numpy.py").write_text(NEW_RUNTIME)
    model = complete / "exported" / "smoke"
    verify = ["-m", "pipeline", "verify", model, "--runtime", "numpy", "-C", complete, "--json"]
    [check] = json.loads(run(sys.executable, *verify, cwd=tmp_path))["checks"]
    assert (check["artifact"], check["runtime"], check["passed"]) == ("model.keras", "numpy", True)
    assert 0 < check["max_abs_diff"] <= 1e-5


def test_table_lists_all_runtimes_and_formats() -> None:
    from pipeline.runtimes.registry import all_runtimes

    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \|", PAGE, re.MULTILINE)
    assert {name for name, _ in rows} == set(all_runtimes())
    words = {"onnx": "`model.onnx`", "onnx_int8": "int8", "onnx_fp16": "fp16",
             "saved_model": "SavedModel", "keras": "`model.keras`", "litert": "`model.tflite`",
             "openvino": "`model.xml`"}  # fmt: skip
    for name, opens in rows:
        for file_format, word in words.items():
            assert (word in opens) == (file_format in all_runtimes()[name].formats), (name, word)
