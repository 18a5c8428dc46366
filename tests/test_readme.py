"""The examples in the README run unchanged."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.paths import PROJECT

ONNX_ALONE = "export: {formats: [onnx]}\nverify: {runtimes: [onnxruntime]}\n"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks() -> list[str]:
    return BLOCK.findall((PROJECT / "README.md").read_text())


@pytest.fixture(scope="module")
def folder(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after ``make run``; the examples use ``exported/mlp``."""
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(PROJECT / "configs", place / "configs")
    smoke_config = place / "configs" / "smoke.yaml"  # as in the fixture, but the fastest to verify
    text = re.sub("^verify: .*", "", smoke_config.read_text(), flags=re.MULTILINE)
    smoke_config.write_text(f"{text}\n{ONNX_ALONE}")
    shutil.copytree(smoke / "exported" / "smoke", place / "exported" / "mlp")
    return place


def test_readme_contains_the_examples() -> None:
    text = "\n".join(blocks())
    for words in ("from pipeline import run, load_model", "import onnxruntime"):
        assert words in text


@pytest.mark.parametrize("block", blocks())
def test_python_example_runs(folder: Path, block: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_configurations_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"configs/[\w/]+\.yaml", (PROJECT / "README.md").read_text()))
    assert {"configs/mlp.yaml", "configs/smoke.yaml", "configs/lecture/softmax.yaml"} <= named
    assert all((PROJECT / name).is_file() for name in named)


def test_configuration_in_readme_is_the_default_one() -> None:
    [shown] = re.findall(r"```yaml\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    yaml = YAML(typ="safe")
    assert yaml.load(shown) == yaml.load(PROJECT / "configs" / "mlp.yaml")
