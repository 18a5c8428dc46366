"""Loading and unloading models: Triton's client, several workers, and errors."""

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MachineError
from pipeline.serving.catalog import Catalog
from pipeline.serving.errors import ServingError
from pipeline.serving.protocols.v2_repository import load
from pipeline.serving.repository import Repository
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings
from pipeline.serving.watcher import Watcher
from tests.serving.test_process import workers_of
from tests.support.paths import PROJECT
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
SCRIPT = PROJECT / "tests" / "clients" / "triton_management.py"
TOKEN = "a-token-of-these-tests"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
BODY = {"instances": [[[[0]] * 28] * 28]}
WORKERS = 2
NEEDED_SECONDS = 5  # a worker that exits sooner is not restarted
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def workspace(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(smoke / "exported", folder / "exported")
    return folder


@pytest.fixture(scope="module")
def workers(workspace: Path) -> Iterator[Server]:
    """A server with two workers and a token; every test leaves its model loaded."""
    log = workspace / "log"
    with serving(workspace, "--workers", WORKERS, log=log, PIPELINE_SERVE_TOKEN=TOKEN) as running:
        seen(running, "/v2")
        yield running


def worker_of(response: Any) -> str:
    name: str = response.headers["x-request-id"].split("-")[0]
    return name


def seen(server: Server, path: str) -> dict[str, int]:
    """Request a path until both workers have responded; return the first status of each.

    Any worker may accept a connection, and one that stands still accepts none.
    """
    found: dict[str, int] = {}

    def both_responded() -> bool:
        response = server.get(path, headers=HEADERS)
        found.setdefault(worker_of(response), response.status_code)
        return len(found) == WORKERS

    wait_until(both_responded)
    return found


def change(server: Server, action: str, **options: Any) -> Any:
    options = {"headers": HEADERS, **options}
    return server.post(f"/v2/repository/models/smoke/{action}", **options)


@pytest.mark.skipif(not PYTHON.exists(), reason="made by `make test`: .venv-clients")
def test_tritonclient_loads_and_unloads_in_every_worker(workers: Server) -> None:
    url = workers.url.removeprefix("http://")
    done = subprocess.run(
        [PYTHON, SCRIPT, url, str(workers.grpc), "smoke", TOKEN],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_load_finds_a_new_version_at_once_in_every_worker(workers: Server, workspace: Path) -> None:
    folder = workspace / "exported" / "smoke"
    for number in range(2, 7):
        shutil.copytree(folder / "1", folder / ".tmp")
        manifest = json.loads((folder / ".tmp" / "manifest.json").read_text())
        manifest["version"] = number
        (folder / ".tmp" / "manifest.json").write_text(json.dumps(manifest))
        (folder / ".tmp").rename(folder / str(number))
        assert change(workers, "load").status_code == 200
        statuses = seen(workers, f"/v2/models/smoke/versions/{number}/ready")
        assert list(statuses.values()) == [200, 200]


def test_statistics_are_those_of_all_workers(workers: Server) -> None:
    before = statistics(workers)
    answered: list[str] = []

    def both_answered() -> bool:
        answered.append(worker_of(predict(workers)))
        return len(set(answered)) == WORKERS

    wait_until(both_answered)
    after = statistics(workers)
    assert after["inference_count"] - before["inference_count"] == len(answered)
    counted = [each["inference_stats"]["success"] for each in (after, before)]
    assert counted[0]["count"] - counted[1]["count"] == len(answered)


def predict(server: Server) -> Any:
    response = server.post("/v1/models/smoke:predict", json=BODY, headers=HEADERS)
    assert response.status_code == 200
    return response


def statistics(server: Server) -> dict[str, Any]:
    """Return them once each worker was asked: what it counted itself is exact, the rest is not."""
    asked: dict[str, Any] = {}

    def all_were_asked() -> bool:
        response = server.get("/v2/models/smoke/versions/1/stats", headers=HEADERS)
        asked.pop(worker_of(response), None)  # the last answer is the newest
        asked[worker_of(response)] = response.json()["model_stats"][0]
        return len(asked) == WORKERS

    wait_until(all_were_asked)
    return dict(list(asked.values())[-1])


def test_restarted_worker_knows_what_was_unloaded(workers: Server) -> None:
    assert change(workers, "unload").status_code == 200
    status = workers.get("/v1/models/smoke", headers=HEADERS).json()
    assert (status["ready"], status["model_version_status"]) == (False, [])
    first = workers_of(workers)[0]
    wait_until(lambda: age(first) > NEEDED_SECONDS)
    before = set(seen(workers, "/v2"))
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in workers_of(workers) and len(workers_of(workers)) == WORKERS)
    wait_until(lambda: worker_of(workers.get("/v2", headers=HEADERS)) not in before)
    assert list(seen(workers, "/v2/models/smoke/ready").values()) == [503, 503]
    assert change(workers, "load").status_code == 200
    assert list(seen(workers, "/v2/models/smoke/ready").values()) == [200, 200]


def age(pid: int) -> float:
    """Return for how many seconds a process has run (proc_pid_stat(5), field 22)."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"parameters": {"file:1/model.onnx": "AA=="}}, "without parameters; got ['file:1/model"),
        ({"parameters": []}, "parameters must be an object; got a list in the body"),
        ([], "The body must be a JSON object; got a list"),
    ],
)
def test_invalid_requests_are_explained(workers: Server, body: Any, words: str) -> None:
    response = change(workers, "load", json=body)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_server_without_token_refuses(server: Server) -> None:
    for action in ("load", "unload"):
        response = change(server, action, headers={})
        assert response.status_code == 403
        assert "only on a server that requires a token (--token-file)" in response.json()["error"]
    assert server.predict(BODY).status_code == 200


def test_name_that_no_folder_can_have_is_not_passed_on(tmp_path: Path) -> None:
    service = Service(Settings(tmp_path, token=TOKEN))
    service.catalog = Catalog(listed=True)
    service.repository = None  # passing it on would fail
    with pytest.raises(ServingError, match="Servable not found for request: xxx") as error:
        asyncio.run(load(service, "x" * 100_000, ()))
    assert error.value.status == 404


def test_worker_that_is_told_late_does_what_holds_now(tmp_path: Path) -> None:
    """Messages to a worker that stood still may be read in any order."""

    async def run() -> list[str]:
        watcher = Recorded()
        repository = Repository(Settings(tmp_path, shared_folder=tmp_path), watcher)  # type: ignore[arg-type]
        await repository.open()
        [socket] = tmp_path.glob("*.socket")
        try:
            async with asyncio.timeout(60):
                for names in ([], ["smoke"], []):
                    (tmp_path / "unloaded.json").write_text(json.dumps(names))
                    reader, writer = await asyncio.open_unix_connection(socket)
                    writer.write(b'"smoke"\n')
                    assert await reader.readline() == b"\n"
                    writer.close()
        finally:
            repository.close()
        return watcher.calls

    assert asyncio.run(run()) == ["load smoke", "unload smoke", "load smoke"]


class Recorded:
    """A watcher that records what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def load(self, name: str) -> None:
        self.calls.append(f"load {name}")

    def unload(self, name: str) -> None:
        self.calls.append(f"unload {name}")


def test_full_disk_is_explained_and_changes_nothing(tmp_path: Path) -> None:
    """A limit of two bytes for each file has the same effect as a full disk."""
    watcher: Any = Recorded()
    repository = Repository(Settings(tmp_path, shared_folder=tmp_path), watcher)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, old[1]))
    try:
        with pytest.raises(ServingError) as caught:
            asyncio.run(repository.change("unload", "smoke"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert caught.value.status == 503
    assert str(caught.value) == (
        f"Could not unload smoke in any worker: cannot write {tmp_path / 'unloaded.json'}: File "
        "too large. Make the server's temporary folder (TMPDIR) writable, with free space, and "
        "try again."
    )
    assert watcher.calls == []
    asyncio.run(repository.change("unload", "smoke"))
    assert watcher.calls == ["unload smoke"]


def test_path_that_is_too_long_for_a_socket_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    settings = Settings(tmp_path, shared_folder=folder)
    repository = Repository(settings, Watcher(settings, lambda _: None))
    with pytest.raises(MachineError) as caught:
        asyncio.run(repository.open())
    assert "Set TMPDIR to a folder with a short path" in str(caught.value)
