"""Python files that a configuration refers to: only ``pipeline run`` runs them."""

from pathlib import Path

import pytest

from pipeline import api
from pipeline.config import Config, read
from pipeline.config.own_code import check_references, refuse_own_code, skipped_own_code
from pipeline.errors import ConfigError
from pipeline.progress import Silent
from tests.support.command_line import assert_error, command
from tests.support.paths import SMOKE

OWN = """
import os as system
from math import sqrt

RAN = open("{marker}", "w")

class Own:
    inner = 1

if system.name:
    try:
        def halve(epoch, rate):
            local = 1
            return rate / 2
    finally:
        first, [second, *rest] = 1, [2]
for index in []:
    pass
"""
CALLBACK = """
import keras

with open("{marker}", "a") as file:
    print("ran", file=file)

class Own(keras.callbacks.Callback):
    pass
"""


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that exists once ``own.py`` has been run."""
    return tmp_path / "ran"


@pytest.fixture
def own(tmp_path: Path, marker: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN.format(marker=marker))
    return path


def config(reference: str) -> Config:
    callback = f"{{name: learning_rate_scheduler, schedule: '{reference}'}}"
    return read(SMOKE, [f"train.callbacks=[csv_logger, {callback}]"])


@pytest.mark.parametrize(
    "name", ["Own", "halve", "first", "second", "rest", "index", "system", "sqrt", "RAN"]
)
def test_names_at_the_top_level_are_found_without_running_the_file(
    own: Path, marker: Path, name: str
) -> None:
    assert check_references(config(f"{own}:{name}")) == []
    assert not marker.exists()


@pytest.mark.parametrize("name", ["inner", "local", "name", "epoch", "open"])
def test_other_names_are_not_found(own: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"but the file does not define {name}"):
        check_references(config(f"{own}:{name}"))


def test_missing_names_are_explained(own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check_references(config(f"{own}:halves"))
    assert str(caught.value) == (
        'train.callbacks[1].schedule in the override "train.callbacks=[csv_logger, '
        f"{{name: learning_rate_scheduler, schedule: '{own}:halves'}}]\" refers to "
        f"'{own}:halves', but the file does not define halves. Did you mean 'halve'?"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"def f(:", r"the file is not valid Python: invalid syntax \(line 1\)\."),
        (b"\xff = 1", "the file is not valid Python: invalid or missing encoding declaration"),
        (b"x = 1\0", "not valid Python: |cannot parse the file: "),
        (b"x = " + b"(" * 5000, "not valid Python: |cannot parse the file: "),
    ],
)
def test_files_that_are_not_python_are_explained(own: Path, content: bytes, text: str) -> None:
    own.write_bytes(content)
    with pytest.raises(ConfigError, match=text):
        check_references(config(f"{own}:halve"))


def test_missing_file_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    for name in ("none.py", "folder.py", "~no_such_user/own.py"):
        with pytest.raises(ConfigError, match=f"there is no file {tmp_path}/{name}. Write FILE.py"):
            check_references(config(f"{name}:halve"))


@pytest.mark.parametrize(
    "text", ["from math import *", "def f():\n    global halve\n    halve = 1", "globals()['x']"]
)
def test_names_that_only_running_shows_are_reported(own: Path, text: str) -> None:
    own.write_text(text)
    [sentence] = check_references(config(f"{own}:halve"))
    assert sentence == f"{own}:halve was not checked, since {own} may define it when it is run."


def test_source_encoding_is_respected(own: Path) -> None:
    own.write_bytes("# coding: latin-1\nhälve = 1\n".encode("latin-1"))
    assert check_references(config(f"{own}:hälve")) == []


def test_refusal_names_the_key_and_the_file(own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_own_code(config(f"{own}:halve"))
    assert str(caught.value).endswith(
        f"refers to '{own}:halve', but --no-own-code does not allow a run to execute such files. "
        f"Remove the callback, or read {own} and run without the option."
    )
    refuse_own_code(read(SMOKE, ["train.callbacks=[csv_logger]"]))


def test_nothing_is_skipped_without_own_code(own: Path) -> None:
    assert skipped_own_code(read(SMOKE)) is None
    assert skipped_own_code(config(f"{own}:halve")) == (
        f"The names in {own} were checked without running any code; pipeline run checks the rest."
    )


def test_python_functions_report_what_they_do_not_check(own: Path, marker: Path) -> None:
    class Recorder(Silent):
        def __init__(self) -> None:
            self.notices: list[str] = []

        def notice(self, text: str) -> None:
            self.notices.append(text)

    own.write_text("from math import *")
    callback = f"train.callbacks=[{{name: learning_rate_scheduler, schedule: '{own}:halve'}}]"
    recorder = Recorder()
    reasons = api.why(SMOKE, "train", [callback], workspace=own.parent, progress=recorder)
    assert [reason.stage for reason in reasons] == ["data", "train"]
    assert "halve was not checked" in recorder.notices[0]
    own.unlink()
    for function in (
        lambda: api.why(SMOKE, "train", [callback]),
        lambda: api.resolve_config(SMOKE, [callback]),
        lambda: api.run(SMOKE, [callback], workspace=own.parent),
    ):
        with pytest.raises(ConfigError, match="there is no file"):
            function()
    assert not marker.exists()


@pytest.mark.process
@pytest.mark.tensorflow
def test_only_a_run_executes_the_file_and_says_so(tmp_path: Path, marker: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(CALLBACK.format(marker=marker))
    callback = f"train.callbacks=['{path}:Own']"
    done = command("config", SMOKE, callback)
    assert done.code == 0, done.err
    assert f"The names in {path} were checked without running any code" in done.err
    done = command("why", SMOKE, "train", callback, "-C", tmp_path)
    assert done.code == 0, done.err
    done = command("run", SMOKE, callback, "-C", tmp_path, "--no-own-code")
    assert_error(done, 2, f"'{path}:Own', but --no-own-code does not allow")
    assert not marker.exists()
    assert not (tmp_path / "runs" / "data").exists()
    options = ("train.epochs=1", "-C", tmp_path, "--until", "train")
    done = command("run", SMOKE, callback, *options)
    assert done.code == 0, done.err
    assert done.err.count(f"Running {path}, which train.callbacks refers to") == 1
    assert done.err.index("Running") < done.err.index("- train")
    assert marker.exists()
    marker.unlink()
    done = command("run", SMOKE, callback, *options)
    assert "Running" not in done.err, "up to date: nothing was run"
    assert not marker.exists()
