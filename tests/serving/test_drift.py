"""Drift of the answers, and pictures by outcome, on servers with real clients."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.serving.settings import Limits
from pipeline.serving.versions import open_version
from tests.serving.test_process import workers_of
from tests.serving.test_repository import NEEDED_SECONDS, WORKERS, age, worker_of
from tests.serving.test_versions import add_version, set_labels
from tests.support.grpc_client import call, channel_to, infer_request, tensor
from tests.support.paths import PROJECT
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

WINDOW = 1000  # as many as test images
TOKEN = "a-token-of-these-tests"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def workspace(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    shutil.copytree(smoke / "exported", folder / "exported")
    return folder


@pytest.fixture(scope="module")
def workers(workspace: Path) -> Iterator[Server]:
    """A server with two workers; each test uses a version of its own."""
    options = ("--workers", WORKERS, "--drift-window", WINDOW)
    with serving(workspace, *options, log=workspace / "log", PIPELINE_SERVE_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def images(smoke: Path) -> Any:
    """The test images of the smoke model, uint8 (1000, 28, 28, 1), without their order by class."""
    [data] = (smoke / "runs" / "data").iterdir()
    found = np.load(data / "test_images.npy")
    return found[np.random.default_rng(0).permutation(len(found))]


def new_version(server: Server, workspace: Path, number: int, **changes: Any) -> None:
    add_version(workspace, number, **changes)
    path = f"/v2/models/smoke/versions/{number}/ready"
    wait_until(lambda: set(of_each_worker(server, path, "ready").values()) == {True})


def of_each_worker(server: Server, path: str, key: str) -> dict[str, Any]:
    """Return the latest value of a key in the response of each worker."""
    found: dict[str, Any] = {}

    def all_responded() -> bool:
        response = server.get(path, headers=HEADERS)
        found[worker_of(response)] = response.json().get(key)
        return len(found) == WORKERS

    wait_until(all_responded)
    return found


def drifts(server: Server, version: int) -> list[Any]:
    """Return the drift of a version as each worker reports it."""
    found = of_each_worker(server, "/v1/models/smoke", "versions")
    return [versions[str(version)]["drift"] for versions in found.values()]


def wait_for(server: Server, version: int, window: int, min_intensity: float = -1) -> Any:
    """Return the drift once all workers report the same; answers of others are late."""
    found: list[Any] = []

    def complete() -> bool:
        found[:] = drifts(server, version)
        return found[0] == found[1] and found[0]["window"] == window and is_reached()

    def is_reached() -> bool:
        return min_intensity < 0 or bool(found[0]["intensity"] > min_intensity)

    wait_until(complete)
    return found[0]


def infer(server: Server, images: Any, path: str) -> None:
    shape, size = list(images.shape), {"binary_data_size": images.nbytes}
    described = {"name": "image", "datatype": "UINT8", "shape": shape, "parameters": size}
    head = json.dumps({"inputs": [described]}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    response = server.post(
        f"/v2/models/{path}/infer", data=head + images.tobytes(), headers={**HEADERS, **length}
    )
    assert response.status_code == 200, response.text


def test_test_set_has_no_drift_and_other_images_have(
    workers: Server, workspace: Path, images: Any
) -> None:
    """Over both protocols, HTTP and gRPC, by two workers."""
    new_version(workers, workspace, 2)
    rows = {"instances": images[:20].tolist()}
    response = workers.post("/v1/models/smoke/versions/2:predict", json=rows, headers=HEADERS)
    assert response.status_code == 200
    for first in range(20, 900, 40):
        infer(workers, images[first : first + 40], "smoke/versions/2")
    metadata = [("authorization", f"Bearer {TOKEN}")]
    with channel_to(workers) as channel:
        for image in images[900:]:
            request = infer_request(
                model_version="2",
                inputs=[tensor(shape=[1, 28, 28, 1])],
                raw_input_contents=[image.tobytes()],
            )
            call(channel, "ModelInfer", metadata=metadata, **request)
    found = wait_for(workers, 2, len(images))
    assert list(found) == ["window", "answer", "confidence", "intensity"]
    assert max(found["answer"], found["confidence"], found["intensity"]) < 0.01
    gauge = 'pipeline_drift_psi{measure="%s",model="smoke",version="2"}'
    for first in range(0, WINDOW, 100):
        infer(workers, 255 - images[first : first + 100], "smoke/versions/2")
    found = wait_for(workers, 2, WINDOW, min_intensity=5)  # none of the others is left
    assert found["answer"] > 0.25
    text = workers.get("/metrics", headers=HEADERS).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
    for measure in ("answer", "confidence", "intensity"):
        assert float(values[gauge % measure]) == pytest.approx(found[measure])
    assert float(values['pipeline_drift_answers{model="smoke",version="2"}']) == WINDOW
    answered = [
        float(value)
        for key, value in values.items()
        if key.startswith("pipeline_answers_total") and 'version="2"' in key
    ]
    assert sum(answered) == len(images) + WINDOW


def test_images_of_one_class_are_a_shift_of_answers_only(
    workers: Server, workspace: Path, smoke: Path
) -> None:
    [data] = (smoke / "runs" / "data").iterdir()
    zeros = np.load(data / "test_images.npy")[np.load(data / "test_labels.npy") == 0]
    new_version(workers, workspace, 3)
    for _ in range(-(-WINDOW // len(zeros))):
        infer(workers, zeros, "smoke/versions/3")
    assert wait_for(workers, 3, WINDOW)["answer"] > 1


def test_window_belongs_to_the_version_and_continues_after_reloading(
    workers: Server, workspace: Path, images: Any
) -> None:
    new_version(workers, workspace, 4)
    infer(workers, images[:150], "smoke/versions/4")
    before = wait_for(workers, 4, 150)
    assert {before["answer"], before["confidence"], before["intensity"]} == {None}
    set_labels(workspace, stable=4)
    wait_until(
        lambda: (
            set(of_each_worker(workers, "/v1/models/smoke", "default_version").values()) == {"4"}
        )
    )
    infer(workers, images[150:300], "smoke")
    assert wait_for(workers, 4, 300)["answer"] < 0.25
    for action in ("unload", "load"):
        path = f"/v2/repository/models/smoke/{action}"
        assert workers.post(path, headers=HEADERS).status_code == 200
    assert wait_for(workers, 4, 300)["answer"] < 0.25
    infer(workers, images[300:], "smoke")
    assert wait_for(workers, 4, WINDOW)["answer"] < 0.01


def test_answers_of_a_killed_worker_stay_in_the_window(
    workers: Server, workspace: Path, images: Any
) -> None:
    new_version(workers, workspace, 5)
    for first in range(0, 300, 30):
        infer(workers, images[first : first + 30], "smoke/versions/5")
    before = wait_for(workers, 5, 300)  # each worker has read the answers of the other
    for killed in workers_of(workers):
        kill(workers, killed)
    assert wait_for(workers, 5, 300) == before
    infer(workers, images[300:], "smoke/versions/5")
    assert wait_for(workers, 5, WINDOW)["answer"] < 0.01


def kill(server: Server, worker: int) -> None:
    """Kill a worker; return when another one has been started."""
    wait_until(lambda: age(worker) > NEEDED_SECONDS)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in workers_of(server) and len(workers_of(server)) == WORKERS)


ONE_EDGE = {"counts": [500, 500], "edges": [0.5]}
READABLE = {
    "answer": {"counts": [100] * 10, "edges": []},
    "confidence": ONE_EDGE,
    "intensity": ONE_EDGE,
}


@pytest.mark.parametrize(
    ("changed", "is_readable"),
    [
        ({}, True),
        (None, False),
        ("nothing", False),
        ({"answer": None}, False),
        ({"answer": {"counts": [100] * 9, "edges": []}}, False),
        ({"answer": {"counts": [100] * 9 + [-1], "edges": []}}, False),
        ({"answer": {"counts": [100] * 10, "edges": [*range(9)]}}, False),
        ({"confidence": None}, False),
        ({"confidence": {"counts": [1000], "edges": []}}, False),
        ({"intensity": {"counts": [1000], "edges": []}}, False),
        ({"intensity": {"counts": [500, 500], "edges": ["0.5x"]}}, False),
    ],
)
def test_version_without_readable_distribution_is_served_without_drift(
    smoke: Path, images: Any, tmp_path: Path, changed: Any, is_readable: bool
) -> None:
    """Those that older releases published have none, and anyone may edit a manifest."""
    folder = tmp_path / "smoke" / "1"
    shutil.copytree(smoke / "exported" / "smoke" / "1", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    published = manifest.pop("test_answers")
    assert published["answer"]["edges"] == []
    assert [sum(found["counts"]) for found in published.values()] == [len(images)] * 3
    if changed is not None:
        manifest["test_answers"] = {**READABLE, **changed} if changed != "nothing" else changed
    (folder / "manifest.json").write_text(json.dumps(manifest))
    version = open_version(folder, "smoke", Limits())
    white = np.full((300, 28, 28, 1), 255, np.uint8)
    version.answers.add(white, np.ones((len(white), 10), np.float32))
    drift = version.answers.drift()
    assert (drift is not None) == is_readable
    if drift:
        assert drift.window >= len(white)


def test_pictures_are_counted_by_outcome(workers: Server) -> None:
    paths = ("empty_sheet.png", "empty_sheet.png", "number_172.png", "seven.png")
    for name in paths:
        picture = (PROJECT / "samples" / name).read_bytes()
        path = "/v1/models/smoke/versions/1:classify-image"
        assert workers.post(path, data=picture, headers=HEADERS).status_code == 200
    text = workers.get("/metrics", headers=HEADERS).text
    found = {
        line.split('outcome="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith("pipeline_pictures_total")
    }
    assert sum(found.values()) == len(paths)
    assert (found["no digit"], found["several digits"]) == (2, 1)
    assert set(found) - {"no digit", "several digits"} <= {
        "sure",
        "unsure",
        "unlike the training pictures",
        "cut off at the edge",
    }
