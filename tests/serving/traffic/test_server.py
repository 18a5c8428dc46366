"""A server of two workers that splits, copies and records, with clients of all protocols."""

import http.client
import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.command_line import assert_error, command
from tests.support.grpc_client import call, channel_to, infer_request
from tests.support.other_versions import add_rolled_version, add_same_version
from tests.support.processes import is_running, wait_until
from tests.support.servers import Server, host_and_port, serving

pytestmark = pytest.mark.server

REQUESTS = 2000
CONNECTIONS = 4
SHARE = 0.2
SIX_SIGMA = 6 * (REQUESTS * SHARE * (1 - SHARE)) ** 0.5
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 1), np.uint8)
HEAD = json.dumps(
    {
        "inputs": [
            {
                "name": "image",
                "datatype": "UINT8",
                "shape": [1, 28, 28, 1],
                "parameters": {"binary_data_size": 784},
            }
        ]
    }
).encode()
PREDICT = {"instances": IMAGE.tolist()}


@pytest.fixture(scope="module")
def workspace(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2 answers something else than version 1, and version 3 the same."""
    folder = tmp_path_factory.mktemp("traffic")
    shutil.copytree(smoke / "exported", folder / "exported")
    model = folder / "exported" / "smoke"
    add_rolled_version(model, 2)
    add_same_version(model, 3)
    set_labels(folder, stable=1, canary=2)
    return folder


def set_labels(workspace: Path, **labels: int) -> None:
    folder = workspace / "exported" / "smoke"
    (folder / ".labels").write_text(json.dumps(labels))
    (folder / ".labels").replace(folder / "labels.json")


@pytest.fixture(scope="module")
def server(workspace: Path) -> Iterator[Server]:
    options = ("--workers", 2, "--split", f"smoke:stable={1 - SHARE},canary={SHARE}")
    shadow = ("--shadow", "next=1")
    sampling = ("--sample-log", workspace / "samples", "--sample-rate", 1, "--sample-seconds", 0.5)
    log = workspace / "log"
    with serving(workspace, *options, *shadow, *sampling, "--sample-images", log=log) as running:
        yield running


def status(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/v1/models/smoke").json()
    return found


def counted(server: Server, name: str) -> Counter[tuple[str, str, str]]:
    """Return a metric by label, version and outcome."""
    found: Counter[tuple[str, str, str]] = Counter()
    for family in text_string_to_metric_families(server.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name:
                key = tuple(sample.labels[key] for key in ("label", "version", "outcome"))
                found[key] += int(sample.value)  # type: ignore[index]
    return found


def infer_many(server: Server, count: int, first_id: int) -> list[str]:
    """Send requests on one connection, numbered; return the version that answered each."""
    connection = http.client.HTTPConnection(*host_and_port(server), timeout=60)
    headers = {"Inference-Header-Content-Length": str(len(HEAD))}
    found = []
    for number in range(first_id, first_id + count):
        headers["X-Request-ID"] = f"many-{number}"
        headers["Traceparent"] = f"00-{number + 1:032x}-b7ad6b7169203331-01"
        connection.request("POST", "/v2/models/smoke/infer", HEAD + IMAGE.tobytes(), headers)
        response = connection.getresponse()
        document = json.loads(response.read())
        assert response.status == 200, document
        assert response.headers["X-Model-Version"] == document["model_version"]
        found.append(document["model_version"])
    connection.close()
    return found


def samples(workspace: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(path) for path in (workspace / "samples").glob("samples-*.parquet")]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist() if tables else []
    return found


@pytest.fixture(scope="module")
def answered(server: Server) -> dict[str, str]:
    """The version that answered each of a few thousand requests, by ID."""
    each = REQUESTS // CONNECTIONS
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        firsts = range(0, REQUESTS, each)
        answers = [*pool.map(lambda first: infer_many(server, each, first), firsts)]
    versions = [version for found in answers for version in found]
    return {f"many-{number}": version for number, version in enumerate(versions)}


def test_requests_are_split(server: Server, answered: dict[str, str]) -> None:
    versions = Counter(answered.values())
    assert versions.total() == REQUESTS
    assert abs(versions["2"] - REQUESTS * SHARE) < SIX_SIGMA  # by chance once in 500 million runs
    assert counted(server, "pipeline_split_requests_total") == {
        ("stable", "1", "chosen"): versions["1"],
        ("canary", "2", "chosen"): versions["2"],
    }
    assert status(server)["split"] == {
        "stable": {"fraction": 1 - SHARE, "version": "1", "problem": None},
        "canary": {"fraction": SHARE, "version": "2", "problem": None},
    }
    logged = Counter(
        (line["version"], line["label"])
        for line in server.events()
        if line["event"] == "request" and line["path"] == "/v2/models/smoke/infer"
    )
    assert set(logged) == {("1", "stable"), ("2", "canary")}


def test_samples_are_what_was_answered(
    workspace: Path, server: Server, answered: dict[str, str]
) -> None:
    def found() -> dict[str, dict[str, Any]]:
        rows = {row["request_id"]: row for row in samples(workspace)}
        return {key: rows[key] for key in answered if key in rows}

    wait_until(lambda: len(found()) == REQUESTS)
    expected = {
        version: server.post(f"/v1/models/smoke/versions/{version}:predict", json=PREDICT).json()
        for version in ("1", "2")
    }
    for key, row in found().items():
        assert str(row["version"]) == answered[key]
        assert (row["chosen_by"], row["model"]) == ("split", "smoke")
        assert int(row["trace_id"], 16) == int(key.partition("-")[2]) + 1
        assert row["label"] == {"1": "stable", "2": "canary"}[answered[key]]
        assert row["image"] == IMAGE.tobytes()
        [probabilities] = expected[answered[key]]["predictions"]
        np.testing.assert_allclose(row["probabilities"], probabilities, rtol=0, atol=1e-6)
    assert not [path for path in (workspace / "samples").iterdir() if path.name[0] == "."]


def test_requests_that_name_a_version_get_it(server: Server) -> None:
    for _ in range(20):
        response = server.post("/v1/models/smoke/labels/canary:predict", json=PREDICT)
        assert response.headers["X-Model-Version"] == "2"
        response = server.post("/v1/models/smoke/versions/3:predict", json=PREDICT)
        assert response.headers["X-Model-Version"] == "3"
    assert server.get("/v1/models/smoke").json()["default_version"] == "1"
    assert "X-Model-Version" not in server.get("/v1/models/smoke").headers


def test_other_protocols_are_split_too(server: Server) -> None:
    """The chance that one version answers all of 60 requests is 1 in 600,000."""

    def versions(ask: Any) -> set[str]:
        return {ask() for _ in range(60)}

    url = "/v1/models/smoke"
    picture = Path(__file__).parents[3] / "samples" / "seven.png"

    def classified() -> Any:
        response = server.post(f"{url}:classify-image", data=picture.read_bytes())
        return response.json()["version"]

    def predicted() -> Any:
        return server.post(f"{url}:predict", json=PREDICT).headers["X-Model-Version"]

    with channel_to(server) as channel:
        grpc = versions(lambda: call(channel, "ModelInfer", **infer_request()).model_version)
        named = versions(
            lambda: call(channel, "ModelInfer", **infer_request(model_version="3")).model_version
        )
    assert (grpc, named) == ({"1", "2"}, {"3"})
    assert versions(classified) == versions(predicted) == {"1", "2"}


@pytest.mark.usefixtures("answered")
def test_shadow_compares_the_default_version_with_the_label(
    workspace: Path, server: Server
) -> None:
    """The label is new, then has a version that answers the same, then one that does not."""
    assert status(server)["shadow"]["problem"] == "there is no label next"
    wait_until(lambda: status(server)["shadow"]["images"]["skipped"] > 0)

    def ask_until(outcome: str, version: str) -> dict[str, Any]:
        """Return the status of a worker that has seen the labels, once there is an outcome."""
        found: list[dict[str, Any]] = []

        def compared() -> bool:
            infer_many(server, 10, 10**6)
            shadow = status(server)["shadow"]
            found.append(shadow)
            return bool(shadow["version"] == version and shadow["images"][outcome] > 0)

        wait_until(compared)
        return found[-1]

    set_labels(workspace, stable=1, canary=2, next=3)
    same = ask_until("agreed", "3")
    assert same["images"]["disagreed"] == 0
    assert same["max_difference"] < 1e-5
    set_labels(workspace, stable=1, canary=2, next=2)
    other = ask_until("disagreed", "2")
    assert other["images"]["agreed"] == 0
    wait_until(lambda: (status(server)["shadow"]["max_difference"] or 0) > 0.01)
    metric = counted(server, "pipeline_shadow_images_total")
    assert metric["next", "3", "agreed"] > 0
    assert metric["next", "2", "disagreed"] > 0
    assert metric["next", "3", "disagreed"] == metric["next", "2", "failed"] == 0
    shares = counted(server, "pipeline_split_requests_total")
    compared = sum(metric.values())
    assert compared <= shares["stable", "1", "chosen"]  # not what canary answered


def test_killed_server_leaves_only_complete_files(workspace: Path, tmp_path: Path) -> None:
    """It is killed while clients send requests and files are written every tenth of a second."""
    folder = tmp_path / "samples"
    options = ("--sample-log", folder, "--sample-rate", 1, "--sample-seconds", 0.1, "--no-grpc")
    with (
        serving(workspace, *options, "--sample-images", log=tmp_path / "log") as running,
        ThreadPoolExecutor(1) as pool,
    ):

        def ask() -> None:
            while is_running(str(running.pid)):
                try:
                    infer_many(running, 100, 0)
                except (OSError, http.client.HTTPException):
                    return

        asking = pool.submit(ask)
        wait_until(lambda: len([*folder.glob("samples-*.parquet")]) >= 3)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        asking.result()
    files = [*folder.glob("samples-*.parquet")]
    assert sum(pq.read_table(path).num_rows for path in files) > 0  # all can be read
    with serving(workspace, *options, log=tmp_path / "log"):
        assert sorted(folder.iterdir()) == sorted(files)


def test_shutdown_writes_the_last_samples(workspace: Path, tmp_path: Path) -> None:
    options = ("--sample-log", tmp_path / "samples", "--sample-rate", 1, "--no-grpc")
    with serving(workspace, *options, log=tmp_path / "log") as running:
        infer_many(running, 5, 0)
        assert running.stop(signal.SIGINT) == 0
    assert len(samples(tmp_path)) == 5


def test_server_without_these_options_does_nothing_of_it(workspace: Path, tmp_path: Path) -> None:
    with serving(workspace, "--no-grpc", log=tmp_path / "log") as running:
        response = running.post("/v1/models/smoke:predict", json=PREDICT)
        assert "X-Model-Version" not in response.headers
        assert not {"split", "shadow"} & set(status(running))
    assert "label" not in next(line for line in running.events() if line["event"] == "request")


def test_mistakes_are_explained(workspace: Path, tmp_path: Path) -> None:
    done = command("serve", "-C", workspace, "--split", "stable=0.9,canary=0.2")
    assert_error(done, 2, "The fractions of --split must add up to 1", "which adds up to 1.1.")
    done = command("serve", "-C", workspace, "--shadow", "canary")
    assert_error(done, 2, "--shadow must be LABEL=FRACTION, as in canary=0.1", "got 'canary'.")
    (tmp_path / "file").touch()
    done = command("serve", "-C", workspace, "--sample-log", tmp_path / "file")
    assert_error(done, 2, "--sample-log must be a folder; got the file")


def test_label_that_is_not_ready_gets_no_requests(workspace: Path, tmp_path: Path) -> None:
    """The default version answers, and the status, the metrics and the log say so."""
    options = ("--split", "canary=1", "--split", "smok:canary=1", "--shadow", "b:c=1", "--no-grpc")
    copy = tmp_path / "workspace"
    shutil.copytree(workspace / "exported", copy / "exported")
    set_labels(copy, stable=1, canary=9)
    with serving(copy, *options, log=tmp_path / "log") as running:
        assert set(infer_many(running, 20, 0)) == {"1"}
        assert status(running)["split"]["canary"] == {
            "fraction": 1.0,
            "version": None,
            "problem": "label canary: version 9 does not exist",
        }
        assert counted(running, "pipeline_split_requests_total") == {
            ("canary", "1", "fallback"): 20
        }
        set_labels(copy, stable=1, canary=2)
        wait_until(lambda: status(running)["split"]["canary"]["version"] == "2")
        assert set(infer_many(running, 20, 0)) == {"2"}
    warned = [line for line in running.events() if "--split" in line.get("message", "")]
    assert [line["message"] for line in warned] == [
        "--split: no model smok is served, so the option for it has no effect. Did you mean "
        "'smoke'? The models are smoke. It takes effect once the model is published.",
        "--split: label canary: version 9 does not exist; the default version is served instead",
    ]
    [unknown] = [line for line in running.events() if "--shadow" in line.get("message", "")]
    assert unknown["message"].startswith("--shadow: no model b is served")
    assert (unknown["level"], unknown["model"]) == ("warning", "b")
