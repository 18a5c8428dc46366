"""Bad folders beside good ones: they are refused or reported, and never delay the others."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.files import copy_package, replace_by_fifo
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

pytestmark = pytest.mark.server

BODY = {"instances": [[[[0]] * 28] * 28]}
TERABYTE = 2**40


@pytest.fixture
def workspace(smoke: Path, tmp_path: Path) -> Path:
    """A private workspace with version 1."""
    shutil.copytree(smoke / "exported", tmp_path / "exported")
    return tmp_path


def add_version(workspace: Path, number: int, name: str = "smoke") -> Path:
    """Publish version 1 again under another number or another name."""
    source, model = workspace / "exported" / "smoke" / "1", workspace / "exported" / name
    temporary = model / f".tmp-{number}"
    shutil.copytree(source, temporary)
    change_manifest(temporary, version=number, name=name)
    return temporary.rename(model / str(number))


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def fifo_as_manifest(folder: Path) -> None:
    replace_by_fifo(folder / "manifest.json")


def link_to_fifo_as_manifest(folder: Path) -> None:
    replace_by_fifo(folder / "fifo")
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("fifo")


def device_as_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("/dev/zero")


def fifo_as_model(folder: Path) -> None:
    replace_by_fifo(folder / "model.onnx")


def listed_terabyte(folder: Path) -> None:
    """A sparse file whose size is the one in the manifest, so that it would be hashed."""
    files = json.loads((folder / "manifest.json").read_text())["files"]
    os.truncate(folder / "model.onnx", TERABYTE)
    files["model.onnx"]["bytes"] = TERABYTE
    change_manifest(folder, files=files)


def terabyte_as_manifest(folder: Path) -> None:
    os.truncate(folder / "manifest.json", TERABYTE)


def name_outside_the_folder(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    change_manifest(folder, files={**files, "../../other": {"bytes": 1, "sha256": "0" * 64}})


SPOIL: dict[Callable[[Path], None], str] = {
    fifo_as_manifest: "it must be a regular file; got a named pipe",
    link_to_fifo_as_manifest: "it must be a regular file; got a named pipe",
    device_as_manifest: "it must be a regular file; got a device",
    fifo_as_model: "model.onnx cannot be read: it must be a regular file; got a named pipe",
    listed_terabyte: "must have at most 4,294,967,296 bytes together; got 1,099,",
    terabyte_as_manifest: "it must have at most 16,777,216 bytes; got 1,099,511,627,776",
    name_outside_the_folder: "the path of a file must lead into the folder; got ../../other",
}


def test_bad_folders_are_rejected_beside_good_ones(workspace: Path) -> None:
    for spoil in SPOIL:
        spoil(add_version(workspace, 1, spoil.__name__))
    spoilt_later = [add_version(workspace, 2, name) for name in ("smoke", "another")]
    for folder in spoilt_later:
        fifo_as_manifest(folder)
    with serving(workspace, log=workspace / "log") as server:
        for spoil, words in SPOIL.items():
            [row] = server.get(f"/v1/models/{spoil.__name__}").json()["model_version_status"]
            assert row["state"] == "END"
            assert words in row["status"]["error_message"]
            refused = server.predict(BODY, spoil.__name__)
            assert refused.status_code == 503
            assert words in refused.json()["error"]
        assert server.predict(BODY).status_code == 200
        add_version(workspace, 3)
        wait_until(lambda: states(server).get("3") == ("AVAILABLE", ""))
        started = time.monotonic()
        assert server.stop(seconds=60) == 0
        assert time.monotonic() - started < 30
        assert all("traceback" not in event for event in server.events())


def test_larger_version_than_allowed_is_not_read(workspace: Path) -> None:
    folder = workspace / "exported" / "smoke" / "1"
    files = json.loads((folder / "manifest.json").read_text())["files"]
    (folder / "more.bin").touch()
    os.truncate(folder / "more.bin", 2**20)
    files["more.bin"] = {"bytes": 2**20, "sha256": "0" * 64}
    change_manifest(folder, files=files)
    with serving(workspace, "--max-model-mb", 1, log=workspace / "log", wait=False) as server:
        wait_until(lambda: states(server)["1"][0] == "END")
        reason = states(server)["1"][1]
    assert "must have at most 1,048,576 bytes together; got " in reason
    assert "start the server with a higher limit (--max-model-mb)" in reason


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (replace_by_fifo, "it must be a regular file; got a named pipe"),
        (
            lambda path: os.truncate(path, 300 * 2**20),
            "it must have at most 65,536 bytes; got 314,572,800",
        ),
        (
            lambda path: path.write_text('{"stable": 2, "stable": 1}'),
            'Detected duplicate key "stable"',
        ),
    ],
    ids=["pipe", "300 MB", "duplicate key"],
)
def test_bad_labels_leave_labels_unchanged(workspace: Path, make: Any, words: str) -> None:
    with serving(workspace, log=workspace / "log") as server:
        make(workspace / "exported" / "smoke" / "labels.json")
        wait_until(lambda: logged(server, words))
        add_version(workspace, 2)
        wait_until(lambda: states(server).get("2") == ("AVAILABLE", ""))
        assert server.get("/v1/models/smoke").json()["labels"] == {"stable": "1"}
        assert len(logged(server, words)) == 1


def states(server: Server, model: str = "smoke") -> dict[str, tuple[str, str]]:
    rows = server.get(f"/v1/models/{model}").json()["model_version_status"]
    return {row["version"]: (row["state"], row["status"]["error_message"]) for row in rows}


def logged(server: Server, words: str) -> list[dict[str, Any]]:
    return [event for event in server.events() if words in event.get("message", "")]


def stuck(server: Server, model: str) -> float:
    """Return the value of the metric."""
    name = f'pipeline_model_problems{{model="{model}",problem="stuck"}} '
    [line] = [line for line in server.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(line.removeprefix(name))


@pytest.fixture
def blocking(tmp_path: Path) -> Path:
    """A copy of the project that blocks at named pipes, like a file system that is gone."""
    module = copy_package(tmp_path / "project" / "pipeline") / "system" / "regular_files.py"
    code = module.read_text()
    assert code.count(" | os.O_NONBLOCK") == 1
    module.write_text(code.replace(" | os.O_NONBLOCK", ""))
    return tmp_path / "project"


def release(fifo: Path) -> None:
    """Let the reader of a named pipe go on."""
    fifo.open("wb").close()


def test_stuck_version_is_reported_and_delays_no_other(workspace: Path, blocking: Path) -> None:
    fifo = replace_by_fifo(add_version(workspace, 2) / "manifest.json")
    labels = workspace / "exported" / "smoke" / "labels.json"
    labels.write_text('{"stable": 2}')
    options = ("--load-seconds", 1)
    with serving(workspace, *options, log=workspace / "log", project=blocking) as server:
        assert states(server)["1"] == ("AVAILABLE", "")
        assert states(server)["2"][0] == "LOADING"
        assert "takes longer than --load-seconds" in states(server)["2"][1]
        document = server.get("/v1/models/smoke").json()
        assert document["default_version"] == "1"
        [label] = document["label_status"]
        expected = "version 2 is still loading; version 1 is served instead"
        assert label["status"]["error_message"] == expected
        wait_until(lambda: logged(server, f"label stable: {expected}"))
        assert stuck(server, "smoke") == 1
        refused = server.post("/v1/models/smoke/versions/2:predict", json=BODY)
        assert refused.status_code == 503
        assert "the file system may not respond" in refused.json()["error"]
        add_version(workspace, 3)
        add_version(workspace, 1, "other")
        wait_until(lambda: states(server).get("3") == ("AVAILABLE", ""))
        wait_until(lambda: server.predict(BODY, "other").status_code == 200)
        labels.write_text('{"stable": 3}')
        wait_until(lambda: server.get("/v1/models/smoke").json()["default_version"] == "3")
        assert len(logged(server, "stuck: ")) == 1
        release(fifo)
        wait_until(lambda: states(server)["2"][0] == "END")
        assert stuck(server, "smoke") == 0
        wait_until(lambda: logged(server, "no longer stuck"))


def test_stuck_version_is_loaded_again_after_a_change(workspace: Path, blocking: Path) -> None:
    manifest = add_version(workspace, 2) / "manifest.json"
    good = manifest.read_bytes()
    replace_by_fifo(manifest)
    options = ("--load-seconds", 1)
    with serving(workspace, *options, log=workspace / "log", project=blocking) as server:
        assert states(server)["2"][0] == "LOADING"
        manifest.with_suffix(".new").write_bytes(good)
        manifest.with_suffix(".new").replace(manifest)
        wait_until(lambda: states(server)["2"] == ("AVAILABLE", ""))
        assert stuck(server, "smoke") == 0


def test_stuck_model_folder_is_reported_and_delays_no_other(
    workspace: Path, blocking: Path
) -> None:
    add_version(workspace, 1, "bad")
    fifo = replace_by_fifo(workspace / "exported" / "bad" / "labels.json")
    options = ("--load-seconds", 1)
    with serving(workspace, *options, log=workspace / "log", project=blocking) as server:
        status = server.get("/v1/models/bad").json()
        assert status["folder_status"]["error_code"] == "DEADLINE_EXCEEDED"
        assert "takes longer than --load-seconds" in status["folder_status"]["error_message"]
        assert stuck(server, "bad") == 1
        refused = server.predict(BODY, "bad")
        assert refused.status_code == 503
        assert "bad is still loading: reading the files takes longer" in refused.json()["error"]
        assert server.predict(BODY).status_code == 200
        add_version(workspace, 2)
        wait_until(lambda: states(server).get("2") == ("AVAILABLE", ""))
        fifo.rename(fifo.with_name("fifo"))
        release(fifo.with_name("fifo"))
        wait_until(lambda: server.predict(BODY, "bad").status_code == 200)
        status = server.get("/v1/models/bad").json()
        assert status["folder_status"] == {"error_code": "OK", "error_message": ""}
        assert len(logged(server, "stuck: ")) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_shutdown_does_not_wait_for_what_is_stuck(
    workspace: Path, blocking: Path, workers: int
) -> None:
    replace_by_fifo(add_version(workspace, 2) / "manifest.json")
    add_version(workspace, 1, "bad")
    replace_by_fifo(workspace / "exported" / "bad" / "labels.json")
    options = ("--load-seconds", 1, "--workers", workers)
    with serving(workspace, *options, log=workspace / "log", project=blocking) as server:
        assert server.predict(BODY).status_code == 200
        started = time.monotonic()
        assert server.stop(seconds=60) == 0
        assert time.monotonic() - started < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_startup_that_is_stuck_can_be_stopped(
    workspace: Path, blocking: Path, number: signal.Signals, workers: int
) -> None:
    replace_by_fifo(workspace / "exported" / "smoke" / "1" / "manifest.json")
    options = ("--load-seconds", 3600, "--workers", workers)
    log = workspace / "log"
    with serving(workspace, *options, log=log, wait=False, project=blocking) as server:
        started = time.monotonic()
        assert server.stop(number, seconds=60) == 0
        assert time.monotonic() - started < 30
