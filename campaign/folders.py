"""The part ``folders``: bad folders beside good ones, before or after the server starts."""

import json
import random
import shutil
import subprocess
import time
from pathlib import Path

from campaign.bad_folders import BAD
from campaign.models import smoke_workspace
from campaign.part import Part
from campaign.results import Case, Results, Tally
from pipeline.publishing.published_folder import LABELS, MANIFEST
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

_READY_SECONDS, _NEW_SECONDS, _STOP_SECONDS = 60, 30, 30
_SLOW_ANSWER_SECONDS = 10.0
_REQUESTS = 20
_MODEL_FILES = ("model.onnx", "golden.npz", MANIFEST)


def run(results: Results, total: int, folder: Path) -> None:
    """Start a server beside bad folders ``total`` times; first each kind alone, then three."""
    folder.mkdir(parents=True, exist_ok=True)
    names = results.pending(str(seed) for seed in range(total))
    if names:
        published = smoke_workspace(folder) / "exported" / "smoke"
        results.run(names, lambda name: serve_beside(int(name), published, folder / "served"))


def serve_beside(seed: int, published: Path, folder: Path) -> Case:
    """Serve a good model beside bad ones, publish a version of it, and stop the server."""
    chance, tally = random.Random(seed), Tally()
    kinds = [list(BAD)[seed]] if seed < len(BAD) else chance.sample(sorted(BAD), 3)
    early = chance.random() < 0.5
    where = f"seed {seed} ({', '.join(kinds)}, {'before' if early else 'after'} the start)"
    shutil.rmtree(folder, ignore_errors=True)
    exported = folder / "exported"
    copy_version(published, exported / "smoke", 1)
    if early:
        add_bad(kinds, published, exported)
    with serving(folder, log=folder / "log", wait=False) as server:
        try:
            if not early:
                wait_until(lambda: _answers(server), _READY_SECONDS)
                add_bad(kinds, published, exported)
            _check(server, published, exported, tally, where)
        except AssertionError as error:
            tally.fail(f"{where}: {error}")
        finally:
            _stop(server, tally, where)
    for line in (folder / "log").read_text(errors="replace").splitlines():
        if "traceback" in line.lower():
            tally.fail(f"{where}: in the log: {line[:500]}")
    tally.outcomes["before the start" if early else "after the start"] += 1
    shutil.rmtree(folder, ignore_errors=True)
    return tally.case(str(seed), 1)


def copy_version(published: Path, model: Path, number: int) -> Path:
    """Publish a copy under the name of the folder, with the files that a server opens."""
    version = model / str(number)
    version.mkdir(parents=True)
    for name in _MODEL_FILES:
        shutil.copyfile(published / "1" / name, version / name)
    manifest = json.loads((version / MANIFEST).read_text())
    files = {name: file for name, file in manifest["files"].items() if name in _MODEL_FILES}
    manifest |= {"name": model.name, "version": number, "formats": ["onnx"], "files": files}
    (version / MANIFEST).write_text(json.dumps(manifest))
    return version


def add_bad(kinds: list[str], published: Path, exported: Path) -> None:
    """Add a model for each kind, made elsewhere and then moved, as it would be uploaded."""
    for number, kind in enumerate(kinds):
        version = copy_version(published, exported.parent / "made" / f"bad-{number}", 1)
        BAD[kind](version)
        exported.mkdir(exist_ok=True)
        version.parent.rename(exported / version.parent.name)


def _check(server: Server, published: Path, exported: Path, tally: Tally, where: str) -> None:
    wait_until(lambda: _answers(server), _READY_SECONDS)
    for _ in range(_REQUESTS):
        started = time.monotonic()
        if not _answers(server):
            tally.fail(f"{where}: the good model does not answer")
        if time.monotonic() - started > _SLOW_ANSWER_SECONDS:
            tally.fail(f"{where}: the good model took more than {_SLOW_ANSWER_SECONDS} s")
    made = copy_version(published, exported.parent / "made" / "smoke", 2)
    made.rename(exported / "smoke" / "2")
    (exported / "smoke" / LABELS).write_text('{"stable": 2}')
    wait_until(lambda: _answers(server, "/versions/2"), _NEW_SECONDS)


def _answers(server: Server, version: str = "") -> bool:
    body = {"instances": [[[[0]] * 28] * 28]}
    return server.post(f"/v1/models/smoke{version}:predict", json=body).status_code == 200


def _stop(server: Server, tally: Tally, where: str) -> None:
    try:
        code = server.stop(seconds=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        tally.fail(f"{where}: SIGTERM did not end it within {_STOP_SECONDS} s")
        server.process.kill()
        server.process.wait()
        return
    if code != 0:
        tally.fail(f"{where}: SIGTERM ended it with exit code {code}")


PART = Part(
    name="folders",
    tries=f"a server with bad folders beside a good model, {len(BAD)} kinds, alone and by three, "
    "before the start and after it",
    failure="the good model does not answer within 10 s, its new version is not served within 30 s, "
    "SIGTERM does not end the server within 30 s, or a traceback",
    total=200,
    minutes=30,
    run=run,
)
