"""The part ``folders``: bad folders beside good ones, before or after the server starts."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from campaign.bad_folders import BAD
from campaign.models import smoke_workspace
from campaign.part import Part
from campaign.results import Case, Results, Tally
from pipeline.publishing.published_folder import LABELS, MANIFEST
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

_READY_SECONDS, _NEW_SECONDS, _STOP_SECONDS = 60, 30, 30
_ANSWER_SECONDS = 10.0
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
        if not early:
            wait_until(lambda: _answers(server), _READY_SECONDS)
            add_bad(kinds, published, exported)
        for problem in _problems(server, published, exported):
            tally.fail(f"{where}: {problem}")
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


def _problems(server: Server, published: Path, exported: Path) -> Iterator[str]:
    """Use the good model, publish a version of it, and stop the server."""
    if not _becomes(lambda: _answers(server), _READY_SECONDS):
        yield f"the good model is not served within {_READY_SECONDS} s"
    for _ in range(_REQUESTS):
        started = time.monotonic()
        if not _answers(server):
            yield "the good model does not answer"
            break
        if time.monotonic() - started > _ANSWER_SECONDS:
            yield f"the good model took more than {_ANSWER_SECONDS} s"
    made = copy_version(published, exported.parent / "made" / "smoke", 2)
    made.rename(exported / "smoke" / "2")
    (exported / "smoke" / LABELS).write_text('{"stable": 2}')
    if not _becomes(lambda: _answers(server, "/versions/2"), _NEW_SECONDS):
        yield f"the new version of the good model is not served within {_NEW_SECONDS} s"
    try:
        code = server.stop(seconds=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        yield f"SIGTERM did not end the server within {_STOP_SECONDS} s"
        server.process.kill()
        return
    if code != 0:
        yield f"SIGTERM ended the server with exit code {code}"


def _becomes(condition: Callable[[], bool], seconds: float) -> bool:
    try:
        wait_until(condition, seconds)
    except AssertionError:
        return False
    return True


def _answers(server: Server, version: str = "") -> bool:
    body = {"instances": [[[[0]] * 28] * 28]}
    try:
        response = server.post(f"/v1/models/smoke{version}:predict", json=body)
    except requests.RequestException:
        return False
    return response.status_code == 200


PART = Part(
    name="folders",
    tries=f"a server with bad folders beside a good model, {len(BAD)} kinds, alone and in "
    "groups of three, added before or after the server starts",
    failure="the good model does not answer within 10 s, its new version is not served within "
    "30 s, SIGTERM does not end the server within 30 s, or a traceback",
    total=200,
    minutes=30,
    run=run,
)
