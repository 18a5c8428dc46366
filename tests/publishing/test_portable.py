"""Published files contain no folder of the machine that published them."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.publishing.portable import portable_config, portable_origin, portable_text
from tests.support.command_line import ONNX_ALONE, command
from tests.support.paths import SMOKE

# One for each format: verifying in all takes a minute, and publishes the same files.
ONE_EACH = "verify.runtimes=[tensorflow,onnxruntime,keras,litert,openvino]"
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
        "data={manual_dir: /home/someone/data, tfds_dir: ~/data, mirrors: ['https://files.example/mnist/']}",
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
    assert data["name"] == "mnist"


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
    text = f"in {tmp_path}/ws/runs/a and ws/runs/b, not news/c: {home}/d, /proc/e, {tmp_path}/f"
    expected = "in runs/a and runs/b, not news/c: d, /proc/e, f"
    assert portable_text(text, Path("ws")) == expected
    assert portable_text("a/b /c", Path("/")) == "a/b /c"


@pytest.mark.slow
@pytest.mark.tensorflow
def test_published_files_contain_no_folder_of_this_machine(mnist_dir: Path, tmp_path: Path) -> None:
    """Every setting that can name a folder does; archives are searched inside."""
    manual = tmp_path / "manual files"
    manual.mkdir()
    for path in mnist_dir.glob("*.gz"):
        shutil.copyfile(path, manual / path.name)
    (tmp_path / "own.py").write_text(OWN)
    callbacks = [
        {"name": "csv_logger", "filename": f"{tmp_path}/log.csv"},
        {"name": "tensor_board", "log_dir": f"{tmp_path}/workspace/board"},
        {"name": "model_checkpoint", "filepath": f"{tmp_path}/{{epoch}}.keras"},
        {"name": f"{tmp_path}/own.py:Own", "places": [str(tmp_path)]},
    ]
    formats = "export.formats=[saved_model,onnx,keras,litert,onnx_int8,onnx_fp16,openvino]"
    done = command(
        *("run", SMOKE, "train.epochs=1", ONE_EACH, "export.max_accuracy_drop=5"),
        *(formats, f"train.callbacks={json.dumps(callbacks)}", "--allow-outside"),
        *(f"data.manual_dir={manual}", f"data.tfds_dir={tmp_path}/prepared", "-C"),
        tmp_path / "workspace",
    )
    assert done.code == 0, done.err
    assert_portable(tmp_path / "workspace" / "exported", tmp_path)


def test_manifest_of_a_model_trained_with_callbacks_is_portable(
    smoke: Path, tmp_path: Path
) -> None:
    """The same for the texts alone, with the sample."""
    workspace = tmp_path / "workspace"
    shutil.copytree(smoke / "runs" / "data", workspace / "runs" / "data")
    (tmp_path / "own.py").write_text(OWN)
    callbacks = [
        {"name": "csv_logger", "filename": f"{workspace}/log.csv"},
        {"name": f"{tmp_path}/own.py:Own", "places": [str(tmp_path)]},
    ]
    settings = (f"data.tfds_dir={tmp_path}/prepared", "train.epochs=1", *ONNX_ALONE)
    done = command(
        "run", SMOKE, *settings, f"train.callbacks={json.dumps(callbacks)}", "-C", workspace
    )
    assert done.code == 0, done.err
    assert_portable(workspace / "exported", tmp_path)
    manifest = json.loads((workspace / "exported" / "smoke" / "1" / "manifest.json").read_text())
    assert manifest["config"]["train"]["callbacks"] == [
        {"name": "csv_logger", "filename": "log.csv"},
        {"name": "own.py:Own", "places": [tmp_path.name]},
    ]


def assert_portable(exported: Path, folder: Path) -> None:
    """Check that no file contains the path of a folder, nor of the current or the home folder."""
    contents = [
        (path.name, content)
        for path in exported.rglob("*")
        if path.is_file()
        for content in (path.read_bytes(), *_members(path))
    ]
    assert len(contents) > 3
    for place in (folder, Path.cwd(), Path.home()):
        found = [name for name, content in contents if f"{place}".encode() in content]
        assert found == [] or place == Path("/"), place


def _members(path: Path) -> list[bytes]:
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]
