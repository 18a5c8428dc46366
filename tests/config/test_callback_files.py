"""Files of Keras callbacks stay inside the workspace."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.config.callback_files import in_workspace, require_inside, require_paths
from pipeline.config.training_schema import Callback, Train
from pipeline.errors import ConfigError
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE

ARGUMENTS = {
    "csv_logger": "filename",
    "CSVLogger": "filename",
    "tensor_board": "log_dir",
    "model_checkpoint": "filepath",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with links out of it and within it."""
    folder = tmp_path / "workspace"
    (folder / "logs").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (folder / "log3.csv").symlink_to(tmp_path / "elsewhere" / "log.csv")
    (folder / "inner").symlink_to(folder / "logs")
    return folder


def config(name: str, value: Any) -> Config:
    callback = Callback(**{"name": name, ARGUMENTS.get(name, "filename"): value})
    return Config(name="a", train=Train(callbacks=(callback,)))


@pytest.mark.parametrize("name", list(ARGUMENTS))
@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("/var/x", "/var/x"),
        ("../x", "{parent}/x"),
        ("logs/../../x", "{parent}/x"),
        ("{parent}/x", "{parent}/x"),
        ("{workspace}x", "{workspace}x"),
        ("out/x", "{parent}/elsewhere/x"),
        ("log3.csv", "{parent}/elsewhere/log.csv"),
        ("~/x", "{home}/x"),
    ],
)
def test_paths_out_of_the_workspace_are_refused(
    workspace: Path, name: str, value: str, target: str
) -> None:
    names = {"workspace": workspace, "parent": workspace.parent, "home": Path.home()}
    with pytest.raises(ConfigError) as caught:
        require_inside(config(name, value.format(**names)), workspace)
    assert str(caught.value) == (
        f"train.callbacks[0].{ARGUMENTS[name]} must be a path inside the workspace {workspace}; "
        f"got {value.format(**names)!r} in the configuration, which leads to "
        f"{target.format(**names)}. Write a path relative to the workspace, or allow others with "
        "--allow-outside."
    )


def test_buckets_are_refused(workspace: Path) -> None:
    with pytest.raises(ConfigError, match=r"'gs://bucket/logs' in .*, which is not a local path"):
        require_inside(config("tensor_board", "gs://bucket/logs"), workspace)


@pytest.mark.parametrize("name", list(ARGUMENTS))
@pytest.mark.parametrize(
    "value",
    ["x", ".", "logs/x", "new/x", "logs/../x", "inner/x", "{workspace}/x", "out/../workspace/x"],
)
def test_paths_inside_are_accepted(workspace: Path, name: str, value: str) -> None:
    require_inside(config(name, value.format(workspace=workspace)), workspace)


def test_placeholders_match_existing_links(workspace: Path) -> None:
    require_inside(config("model_checkpoint", "x{epoch}.csv"), workspace)
    with pytest.raises(ConfigError, match=r"elsewhere/log\.csv"):
        require_inside(config("model_checkpoint", "log{epoch}.csv"), workspace)
    require_inside(config("csv_logger", "log{epoch}.csv"), workspace)  # not a placeholder there


@pytest.mark.parametrize(
    "value",
    [
        "{epoch!s:.>2.0}/x",  # becomes ../x
        "{epoch:/>5}",
        "{epoch:c}{epoch:c}/x",  # at epoch 46
        "{epoch.__class__}",
        "{epoch[0]}",
        "{epoch:{epoch}}",
        "{}",
        "{",
    ],
)
def test_only_plain_placeholders_are_accepted(value: str) -> None:
    with pytest.raises(ConfigError, match=r"filepath must be a path with placeholders such as"):
        require_paths(config("model_checkpoint", value))
    require_paths(config("csv_logger", value))


@pytest.mark.parametrize("value", ["a{epoch}", "{epoch:02d}-{val_loss:.2f}", "{{x}}", "x"])
def test_usual_placeholders_are_accepted(value: str) -> None:
    require_paths(config("model_checkpoint", value))


@pytest.mark.parametrize("value", [3, None, True, ["x"], "a\0b", "~no_such_user/x"])
def test_other_values_are_refused(value: Any) -> None:
    """Python opens a number as the file descriptor of that number."""
    with pytest.raises(ConfigError, match=r"filename must be the path of a file or folder; got "):
        require_paths(config("csv_logger", value))


def test_own_classes_get_their_arguments_as_written(workspace: Path) -> None:
    require_inside(config("own.py:Own", "/var/x"), workspace)
    require_inside(config("csv_logger", "own.py:path"), workspace)
    require_paths(config("own.py:Own", 3))


def test_relative_paths_start_at_the_workspace() -> None:
    assert in_workspace("filename", "logs/x{y}", Path("/a{b}")) == "/a{b}/logs/x{y}"
    assert in_workspace("filepath", "logs/{y}", Path("/a{b}")) == "/a{{b}}/logs/{y}"
    assert in_workspace("filename", "/x", Path("/a")) == "/x"
    assert in_workspace("filename", "x", Path()) == "x"


@pytest.mark.process
@pytest.mark.tensorflow
def test_run_refuses_files_outside_unless_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log, workspace = tmp_path / "log.csv", tmp_path / "workspace"
    for callback, options, code in (
        (f"{{name: csv_logger, filename: {log}}}", (), 2),
        (f"{{name: csv_logger, filename: {log}}}", ("--allow-outside",), 0),
        ("{name: csv_logger, filename: log.csv}", (), 0),
    ):
        assert not (workspace / "log.csv").exists()
        arguments = (f"train.callbacks=[{callback}]", "train.epochs=1", "--until", "train")
        done = in_process("run", SMOKE, *arguments, *options, "-C", workspace)
        assert done.code == code, done.err
        if code:
            assert_error(done, 2, "must be a path inside the workspace", "--allow-outside")
            assert not (workspace / "runs" / "data").exists()
        assert log.exists() == bool(options or (workspace / "log.csv").exists())
    assert (workspace / "log.csv").read_text().startswith("epoch,")
