"""The parts of the watcher: threads that get stuck, turns, labels."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from pipeline.serving import watcher as watcher_module
from pipeline.serving.catalog import Catalog
from pipeline.serving.errors import ServingError
from pipeline.serving.model import Model
from pipeline.serving.model_folder import ModelFolder
from pipeline.serving.model_watcher import ModelWatcher
from pipeline.serving.settings import Limits, Settings
from pipeline.serving.turns import Turns, call_in_thread
from pipeline.serving.watcher import Watcher
from tests.support.paths import PROJECT

READY = {number: Mock(number=number) for number in (2, 4)}


@pytest.mark.parametrize(
    ("labels", "default", "problem"),
    [
        ({}, 4, None),
        ({"stable": 2}, 2, None),
        ({"stable": 3}, 2, "version 3 was rejected; version 2 is served instead"),
        ({"stable": 5}, 4, "version 5 is still loading; version 4 is served instead"),
        ({"stable": 1}, 4, "version 1 was rejected; version 4 is served instead"),
        ({"stable": 6}, None, "version 6 does not exist; requests get 503"),
    ],
)
def test_version_that_is_served_for_a_label(
    labels: dict[str, int], default: int | None, problem: str | None
) -> None:
    model = Model(
        "mlp",
        ready=READY,
        loading=frozenset({5}),
        rejected={1: "damaged", 3: "damaged"},
        labels=labels,
    )
    assert (model.default.number if model.default else None) == default
    assert model.label_problem("stable") == problem
    assert model.served_labels == ({"stable": default} if labels and default else {})
    if default is None:
        with pytest.raises(ServingError, match="refers to version 6, which does not exist"):
            model.version()
    else:
        assert model.version() is model.default


@pytest.mark.process
def test_process_does_not_wait_for_threads_that_are_stuck() -> None:
    code = (
        "import threading; from pipeline.system import daemon_threads;"
        "daemon_threads.start(threading.Event().wait);"
        "print(daemon_threads.any_running())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=PROJECT,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_late_result_and_error_are_still_delivered() -> None:
    late: list[bool] = []
    gate = threading.Event()

    def fail() -> None:
        gate.wait()
        raise OSError("gone")

    def on_late(is_late: bool) -> None:
        late.append(is_late)
        gate.set()

    with pytest.raises(OSError, match="gone"):
        asyncio.run(call_in_thread(0.01, on_late, fail))
    assert late == [True, False]
    assert asyncio.run(call_in_thread(60, on_late, int, "7")) == 7
    assert late == [True, False]


def test_late_turn_does_not_delay_others() -> None:
    async def take_turns() -> None:
        turns, one, two, three = Turns(), Path("1"), Path("2"), Path("3")
        await turns.take(one)
        second = asyncio.create_task(turns.take(two))
        third = asyncio.create_task(turns.take(three))
        await asyncio.sleep(0)
        assert not second.done()
        turns.be_late(one)
        await asyncio.gather(second, third)
        turns.end(one)
        fourth = asyncio.create_task(turns.take(one))
        await asyncio.sleep(0)
        turns.end(two)
        assert not fourth.done()
        turns.end(three)
        await fourth

    asyncio.run(take_turns())


def test_exported_that_is_stuck_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()

    def find(_: Path) -> list[ModelFolder]:
        gate.wait()
        return []

    monkeypatch.setattr(watcher_module, "find_model_folders", find)
    catalogs: list[Catalog] = []

    async def watch() -> None:
        settings = Settings(exported=tmp_path, limits=Limits(load_seconds=0.01))
        watcher = Watcher(settings, catalogs.append)
        watching = asyncio.create_task(watcher.watch())
        await watcher.complete.wait()
        assert catalogs[-1].stuck
        with pytest.raises(ServingError, match="still looking for published models") as caught:
            catalogs[-1].model("mlp")
        assert caught.value.status == 503
        gate.set()
        while not catalogs[-1].listed:
            await asyncio.sleep(0.01)
        assert not catalogs[-1].stuck
        watching.cancel()

    asyncio.run(watch())
    assert [f"{tmp_path} is stuck" in message for message in caplog.messages].count(True) == 1


def test_load_ends_if_its_model_is_unloaded_meanwhile(tmp_path: Path) -> None:
    async def run() -> None:
        settings, folder = Settings(tmp_path), ModelFolder("mlp", tmp_path / "mlp")
        watcher = ModelWatcher(folder, settings, Turns(), lambda _: None)
        watching = asyncio.create_task(watcher.watch())
        loading = asyncio.create_task(watcher.look_now())
        await asyncio.sleep(0)  # both have begun: the first look is not that of the load
        watching.cancel()
        async with asyncio.timeout(60):
            await loading

    asyncio.run(run())
