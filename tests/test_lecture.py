"""docs/lecture.md: its commands are valid, its program runs, and it names every example."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import read
from tests.support.paths import PROJECT

PAGE = (PROJECT / "docs" / "lecture.md").read_text()
COMMAND = re.compile(r"^(?:\| )?`?pipeline (?:run|config|gradcheck) ([^`|\n]*)", re.MULTILINE)


def commands() -> list[str]:
    return [found.strip() for found in COMMAND.findall(PAGE)]


@pytest.mark.parametrize("arguments", commands())
def test_configuration_and_overrides_are_valid(
    arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    name, *others = shlex.split(arguments)
    assert read(Path(name), [word for word in others if "=" in word])


def test_page_names_every_example() -> None:
    examples = {path.stem for path in (PROJECT / "configs" / "lecture").iterdir()}
    named = set(re.findall(r"lecture/(\w+)", PAGE))
    assert len(examples) > 10
    assert examples <= named


def test_figures_exist() -> None:
    figures = re.findall(r"\]\((figures/.*?)\)", PAGE)
    assert figures
    assert all((PROJECT / "docs" / figure).is_file() for figure in figures)


@pytest.mark.process
@pytest.mark.tensorflow
def test_product_of_linear_layers_predicts_as_the_network_does(tmp_path: Path) -> None:
    """On the sample of 5,000 digits, of which 1,000 are test images."""
    shutil.copytree(PROJECT / "configs", tmp_path / "configs")
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [(equal, accuracy)] = re.findall(r"([\d,]+) equal .*\nTest accuracy (.*)", done.stdout)
    assert int(equal.replace(",", "")) >= 998  # float32 and float64 may differ in a close case
    assert float(accuracy) > 0.8
