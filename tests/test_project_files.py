"""Files that no module imports: workflow, changelog, documentation site, and what a wheel holds."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import PROJECT

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").iterdir())


def read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((PROJECT / name).read_text())


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_workflows_match_githubs_schema() -> None:
    assert WORKFLOWS
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


@pytest.mark.process
def test_workflows_pass_security_audit() -> None:
    run(BIN / "zizmor", "--offline", "--pedantic", ".github", ".pre-commit-config.yaml")


def test_workflow_tests_every_declared_python_version() -> None:
    declared = re.findall(
        r"Python :: (3\.\d+)", "\n".join(read_toml("pyproject.toml")["project"]["classifiers"])
    )
    [matrix] = re.findall(r"python: \[(.*)\]", WORKFLOWS[0].read_text())
    assert re.findall(r'"(.*?)"', matrix) == declared


def test_changelog_starts_with_current_version() -> None:
    versions = re.findall(r"^## (\S+)", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == read_toml("pyproject.toml")["project"]["version"]


@pytest.mark.process
def test_wheel_contains_license_and_type_marker(tmp_path: Path) -> None:
    run(sys.executable, "-m", "flit_core.wheel", "--outdir", tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
    assert "pipeline/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_site_navigation_lists_every_page() -> None:
    listed = {
        page for entry in read_toml("zensical.toml")["project"]["nav"] for page in entry.values()
    }
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]
    assert listed == {str(page.relative_to(PROJECT)) for page in pages}


def test_files_named_in_contributing_exist() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"\b(?:tests|pipeline)/[\w/]+\.py\b", text)
    missing = [name for name in named if not (PROJECT / name).is_file()]
    assert named
    assert not missing
