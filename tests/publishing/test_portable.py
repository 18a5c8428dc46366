"""Published files contain no folder, user or host of the machine that published them."""

import getpass
import json
import re
import shutil
import socket
import zipfile
from pathlib import Path

import pytest

from pipeline.config import Config, read
from pipeline.config.origin import Origin
from pipeline.publishing.portable import (
    portable_command,
    portable_config,
    portable_origin,
    portable_text,
)
from tests.support.command_line import ONNX_ALONE, command
from tests.support.paths import SMOKE

USER = "someone-here"
TEXTS = {".html", ".json", ".md", ".xml"}
PICTURE = re.compile(r"base64,[\w+/=]+")
OWN = """
import keras

class Own(keras.callbacks.Callback):
    def __init__(self, places):
        super().__init__()
"""


def test_paths_in_the_configuration_are_relative_or_names(tmp_path: Path) -> None:
    callbacks = [
        {"name": "csv_logger", "filename": "log.csv", "separator": "/"},
        {"name": "tensor_board", "log_dir": f"{tmp_path}/logs/a b"},
        {"name": "model_checkpoint", "filepath": "/home/someone/{epoch}.keras"},
        {"name": "/home/someone/own.py:Own", "places": ["~/x", {"at": "/y z/x"}, 3, "a/b"]},
        {"name": "callbacks/own.py:Own"},
    ]
    overrides = [
        f"train.callbacks={json.dumps(callbacks)}",
        "data={manual_dir: /home/someone/data, tfds_dir: ~/data, path: /home/someone/own, mirrors: ['https://files.example/mnist/']}",
    ]
    config = portable_config(read(SMOKE, overrides), tmp_path)
    assert config["train"]["callbacks"] == [
        {"name": "csv_logger", "filename": "log.csv", "separator": "/"},
        {"name": "tensor_board", "log_dir": "logs/a b"},
        {"name": "model_checkpoint", "filepath": "{epoch}.keras"},
        {"name": "own.py:Own", "places": ["x", {"at": "x"}, 3, "a/b"]},
        {"name": "callbacks/own.py:Own"},
    ]
    data = config["data"]
    assert (data["manual_dir"], data["tfds_dir"], data["mirrors"]) == ("data", "data", None)
    assert (data["name"], data["path"]) == ("mnist", "own")


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("files in /home/some one/mnist", "files in a local folder"),
        (
            "prepared by TensorFlow Datasets in /home/someone/tensorflow_datasets/mnist/3.0.1",
            "prepared by TensorFlow Datasets in a local folder",
        ),
        ("downloaded and checked", "downloaded and checked"),
        ("no host responded (files.example, b).", "no host responded."),
        (
            "a.gz could not be downloaded (http://files.example/a.gz: 404 (none)).",
            "a.gz could not be downloaded.",
        ),
    ],
)
def test_origin_of_the_data_names_no_folder_or_host(
    origin: str, expected: str, tmp_path: Path
) -> None:
    assert portable_origin(origin, tmp_path) == expected


def test_paths_in_texts_begin_below_known_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Path.home()
    text = f"in {tmp_path}/ws/runs/a and ws/runs/b, not news/c: {home}/d, /proc/e, {tmp_path}."
    expected = "in runs/a and runs/b, not news/c: d, /proc/e, .."
    assert portable_text(text, Path("ws")) == expected
    assert portable_text("a/b /c", Path("/")) == "a/b /c"


@pytest.mark.parametrize(
    ("file", "overrides", "expected"),
    [
        ("configs/smoke.yaml", [], "pipeline run configs/smoke.yaml"),
        ("/home/someone/a b.yaml", ["train.epochs=2"], "pipeline run 'a b.yaml' train.epochs=2"),
        ("../someone/x.yaml", ["data.manual_dir=/data"], "pipeline run x.yaml"),
        ("x.yaml", ["data.path=/home/someone/own"], "pipeline run x.yaml"),
        (
            "x.yaml",
            ["data={name: mnist, tfds_dir: /d}"],
            "pipeline run x.yaml 'data={name: mnist}'",
        ),
        ("x.yaml", ["data.mirrors=['http://files.example/']"], "pipeline run x.yaml"),
        (
            "x.yaml",
            ["train.callbacks=[{name: '/home/someone/own.py:Own', to: /tmp/log}]", "train.seed=1"],
            "pipeline run x.yaml 'train.callbacks=[{name: own.py:Own, to: log}]' train.seed=1",
        ),
    ],
)
def test_command_has_no_folder_and_no_host(
    file: str, overrides: list[str], expected: str, tmp_path: Path
) -> None:
    config = read(SMOKE).with_origin(Origin(file, tuple(overrides)))
    assert portable_command(config, tmp_path) == expected


def test_configuration_without_a_file_has_no_command(tmp_path: Path) -> None:
    assert portable_command(Config(name="a"), tmp_path) == ""


def test_files_of_all_formats_contain_nothing_of_this_machine(published: Path) -> None:
    """Binary files too; archives are searched inside."""
    assert_portable(published, published.parents[2])


@pytest.mark.process
@pytest.mark.tensorflow
def test_settings_with_folders_leave_nothing_of_this_machine(smoke: Path, tmp_path: Path) -> None:
    """Settings that can name a folder or a host do; only the texts differ from other versions."""
    user = tmp_path / "home" / USER
    workspace = user / "workspace"
    shutil.copytree(smoke / "runs" / "data", workspace / "runs" / "data")
    (user / "own.py").write_text(OWN)
    callbacks = [
        {"name": "csv_logger", "filename": f"{workspace}/log.csv"},
        {"name": "tensor_board", "log_dir": f"{user}/board"},
        {"name": "model_checkpoint", "filepath": f"{user}/{{epoch}}.keras"},
        {"name": f"{user}/own.py:Own", "places": [str(user), f"file://{user}/x"]},
    ]
    done = command(
        *("run", SMOKE, "train.epochs=1", *ONNX_ALONE, "--allow-outside", "-C", workspace),
        *(f"data.tfds_dir={user}/prepared", "data.mirrors=['http://files.intranet/']"),
        f"train.callbacks={json.dumps(callbacks)}",
        HOME=str(user),
        USER=USER,
        LOGNAME=USER,
    )
    assert done.code == 0, done.err
    version = workspace / "exported" / "smoke" / "1"
    assert_portable(version, tmp_path, USER, "intranet")
    manifest = json.loads((version / "manifest.json").read_text())
    assert manifest["config"]["data"]["tfds_dir"] == "prepared"
    assert manifest["config"]["train"]["callbacks"] == [
        {"name": "csv_logger", "filename": "log.csv"},
        {"name": "tensor_board", "log_dir": "board"},
        {"name": "model_checkpoint", "filepath": "{epoch}.keras"},
        {"name": "own.py:Own", "places": ["~", "file://x"]},
    ]


def assert_portable(version: Path, folder: Path, *words: str) -> None:
    """Check that no file contains a folder, the current or the home folder, the host, or a word."""
    contents = [
        (path.relative_to(version), content)
        for path in version.rglob("*")
        if path.is_file()
        for content in (path.read_bytes(), *_members(path))
    ]
    assert len(contents) > 3
    places = [str(place) for place in (folder, Path.cwd(), Path.home()) if place != Path("/")]
    for word in (*places, *words):
        assert [name for name, content in contents if word.encode() in content] == [], word
    texts = [
        (path.relative_to(version), PICTURE.sub("", path.read_text()))
        for path in version.rglob("*")
        if path.suffix in TEXTS
    ]
    assert len(texts) > 2  # the manifest, the model card and the report
    for word in (socket.gethostname(), *_user()):  # short words, which weights contain by chance
        pattern = re.compile(rf"\b{re.escape(word)}\b")
        assert [name for name, text in texts if pattern.search(text)] == [], word


def _user() -> list[str]:
    """Return the name of the user, unless it is a word that files contain for other reasons."""
    name = getpass.getuser()
    return [] if name in {"root", "runner", "user"} else [name]


def _members(path: Path) -> list[bytes]:
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]
