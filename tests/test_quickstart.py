"""The notebook runs from top to bottom, and shows what it shows in the documentation."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.support.notebooks import QUICKSTART, cleaned, executed
from tests.support.paths import PROJECT

pytestmark = pytest.mark.process

Outputs = list[Any]


@pytest.fixture(scope="module")
def notebook(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook as executed in a workspace in which all stages are up to date."""
    workspace = tmp_path_factory.mktemp("quickstart") / "workspace"
    shutil.copytree(smoke, workspace)
    return cleaned(executed(workspace))


def outputs(notebook: nbformat.NotebookNode) -> Outputs:
    return [dict(output) for cell in notebook.cells for output in cell.get("outputs", [])]


def without_numbers(found: Outputs) -> str:
    """Return outputs as text without numbers and drawings, which depend on the machine."""
    text = json.dumps(found, sort_keys=True)
    for drawing in (r"<svg.*?</svg>", r'"image/png": "[^"]*"'):
        text = re.sub(drawing, "", text, flags=re.DOTALL)
    return re.sub(r"\d[\d.,e-]*", "0", text)


def test_shown_outputs_are_those_of_an_execution(notebook: nbformat.NotebookNode) -> None:
    shown = nbformat.read(QUICKSTART, as_version=4)  # type: ignore[no-untyped-call]
    assert without_numbers(outputs(notebook)) == without_numbers(outputs(shown))


def test_curves_and_picture_are_inline(notebook: nbformat.NotebookNode) -> None:
    result, *_, picture = outputs(notebook)
    assert result["data"]["text/plain"].startswith("RunResult('smoke', accuracy 0.9")
    assert result["data"]["text/html"].count("<svg") == 2
    assert set(picture["data"]) == {"image/png", "text/plain"}


def test_shown_outputs_tell_nothing_about_the_machine(smoke: Path) -> None:
    text = QUICKSTART.read_text()
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
    assert str(smoke) not in text
    assert len(text) < 40_000


def test_links_lead_to_pages() -> None:
    linked = re.findall(r"\]\(([^)#]*)\)", QUICKSTART.read_text())
    assert linked
    assert [page for page in linked if not (PROJECT / "docs" / page).is_file()] == []
