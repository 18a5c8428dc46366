"""CI runs failed tests once more: noise does not stop it, and faults do not pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import PROJECT

pytestmark = pytest.mark.process
UNSTABLE = """
from pathlib import Path

def test_unstable():
    mark = Path("{mark}")
    first = not mark.exists()
    mark.touch()
    assert not first
"""
UNSTABLE_FIXTURE = """
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def opened():
    mark = Path("{mark}")
    first = not mark.exists()
    mark.touch()
    assert not first

@pytest.mark.parametrize("number", range(20))
def test_with_fixture(opened, number):
    assert number < 20
"""
PASSES = "def test_passes():\n    assert True\n"
FAILS = "def test_fails():\n    assert 1 == 2\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROJECT / ".ci" / "tests.py", "-q", *arguments],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "UNSTABLE_TESTS": "unstable.txt", "PYTEST_ADDOPTS": "",
             "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip


def write(folder: Path, **modules: str) -> None:
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, code in modules.items():
        (folder / f"test_{name}.py").write_text(code)


@pytest.mark.parametrize("parallel", [(), ("-p", "xdist", "--numprocesses=2")])
def test_unstable_test_is_listed_and_does_not_fail_the_run(
    tmp_path: Path, parallel: tuple[str, ...]
) -> None:
    write(tmp_path, a=UNSTABLE.format(mark="first"), b=PASSES, c=UNSTABLE.format(mark="second"))
    done = run(tmp_path, *parallel)
    assert done.returncode == 0, done.stdout
    names = {"test_a.py::test_unstable", "test_c.py::test_unstable"}
    listed = (tmp_path / "unstable.txt").read_text().splitlines()
    assert set(listed) == {f"unstable: {name}" for name in names}
    assert done.stdout.endswith("".join(f"{line}\n" for line in listed))


def test_test_that_fails_twice_fails_the_run(tmp_path: Path) -> None:
    write(tmp_path, a=UNSTABLE.format(mark="first"), b=FAILS)
    done = run(tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "unstable.txt").read_text() == "unstable: test_a.py::test_unstable\n"


def test_broken_module_fails_the_run_at_once(tmp_path: Path) -> None:
    write(tmp_path, a="import no_such_module\n", b=UNSTABLE.format(mark="first"))
    done = run(tmp_path)
    assert done.returncode == 2
    assert "again" not in done.stdout


def test_fixture_that_fails_once_is_run_again_for_all_tests_of_its_module(tmp_path: Path) -> None:
    write(tmp_path, a=UNSTABLE_FIXTURE.format(mark="first"))
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert len((tmp_path / "unstable.txt").read_text().splitlines()) == 20


def test_processes_that_collect_different_tests_fail_the_run(tmp_path: Path) -> None:
    code = (
        "import os, pytest\n\n@pytest.mark.parametrize('n', [os.getpid()])\ndef test_it(n): ...\n"
    )
    write(tmp_path, a=code)
    done = run(tmp_path, "-p", "xdist", "--numprocesses=2")
    assert done.returncode == 1
    assert "Different tests were collected" in done.stdout
    assert "again" not in done.stdout


def test_failures_in_many_modules_are_not_run_again(tmp_path: Path) -> None:
    write(tmp_path, **{f"module_{n}": FAILS for n in range(11)})
    done = run(tmp_path)
    assert done.returncode == 1
    assert "again" not in done.stdout


def test_failures_of_an_earlier_run_are_forgotten(tmp_path: Path) -> None:
    write(tmp_path, a=FAILS)
    assert run(tmp_path).returncode == 1
    write(tmp_path, a=PASSES)
    done = run(tmp_path)
    assert done.returncode == 0
    assert "again" not in done.stdout


def test_no_test_is_an_error(tmp_path: Path) -> None:
    write(tmp_path)
    assert run(tmp_path).returncode == 5
