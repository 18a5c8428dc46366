"""Marks for what a test needs, the option ``--fast``, and a guard that keeps the marks true.

``--fast`` runs the tests without marks: no TensorFlow, no other processes. Modules that import
TensorFlow are marked as a whole, with ``pytestmark``, and are then not even imported.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MARKS = ("tensorflow", "process", "server", "browser", "root", "slow")
OF_FIXTURES = {
    "smoke": "tensorflow",  # the model is trained when the fixture is set up
    "complete": "tensorflow",
    "server": "server",
    "single_output": "tensorflow",
    "single_output_server": "server",
    "certificate": "process",
    "tiny_disk": "root",
    "mnist_dir": "slow",
}
PROCESSES = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}  # audit events
_unmarked: list[str] = []  # the test without marks that is running
_without_tensorflow: list[str] = []  # not empty with --fast: not even collecting may import it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="only tests without TensorFlow and other processes"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--fast"):
        _without_tensorflow.append("A module without pytestmark")
    sys.addaudithook(_refuse)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not config.getoption("--fast") or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text()
    return bool(re.search(r"^pytestmark = .*\bmark\.tensorflow\b", text, re.MULTILINE)) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in OF_FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(OF_FIXTURES[fixture])
    if config.getoption("--fast"):
        marked = [item for item in items if _is_marked(item)]
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if not _is_marked(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _unmarked[:] = [] if _is_marked(item) else [item.nodeid]
    try:
        return (yield)
    finally:
        _unmarked.clear()


def _is_marked(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(mark) for mark in MARKS)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in PROCESSES and _unmarked:
        raise AssertionError(f"{_unmarked[0]} starts a process: mark it with pytest.mark.process")
    importing = event == "import" and arguments[0] == "tensorflow"
    if importing and (found := _unmarked + _without_tensorflow):
        raise AssertionError(f"{found[0]} imports TensorFlow: mark it with pytest.mark.tensorflow")
