"""The server's access log and metrics."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.grpc_client import call, channel_to, infer_request
from tests.support.processes import wait_until
from tests.support.servers import Server, host_and_port, serving, start_for_people

pytestmark = pytest.mark.server

BODY = {"instances": [[[[0]] * 28] * 28]}


def test_access_log_is_json_with_request_ids(smoke: Path, tmp_path: Path) -> None:
    with serving(smoke, log=tmp_path / "log") as server:
        response = server.predict(BODY)
        server.get("/v1/models/missing")
        server.get("/v1/ends%E2%80%A8a%C2%85line")
        wait_until(lambda: sum(e.get("status") == 404 for e in server.events()) == 2)
        lines = server.log.read_text().rpartition("\n")[0].splitlines()  # as strict readers do
        assert all(map(json.loads, lines))
        found = [e for e in server.events() if e["event"] == "request"]
    mine = next(e for e in found if e["request_id"] == response.headers["X-Request-ID"])
    assert (mine["method"], mine["path"]) == ("POST", "/v1/models/smoke:predict")
    assert (mine["status"], mine["model"], mine["version"]) == (200, "smoke", "1")
    assert found[-1]["path"] == "/v1/ends%E2%80%A8a%C2%85line"
    assert mine["milliseconds"] > 0
    assert mine["bytes_out"] == len(response.content)
    with serving(smoke, "--no-access-log", log=tmp_path / "quiet") as server:
        server.predict(BODY)
    assert not [e for e in server.events() if e["event"] == "request"]


def test_metrics(smoke: Path, tmp_path: Path) -> None:
    with serving(smoke, log=tmp_path / "log") as server:
        server.predict(BODY)
        server.predict({"instances": BODY["instances"] * 3})
        server.predict({"instances": []})
        text = server.get("/metrics").text
        assert server.get("/monitoring/prometheus/metrics").status_code == 200
    route = 'route="/v1/models/{name}:predict"'
    counter = 'pipeline_requests_total{model="smoke",' + route
    assert counter + ',status="200",version="1"} 2.0' in text
    assert counter + ',status="400",version="1"} 1.0' in text
    assert f"pipeline_request_seconds_count{{{route}}} 3.0" in text
    assert 'pipeline_batch_images_sum{model="smoke",version="1"} 4.0' in text
    assert 'pipeline_version_loaded{labels="stable",model="smoke",version="1"} 1.0' in text


def test_unread_log_does_not_block_the_server(smoke: Path) -> None:
    """A pipe holds 64 KB; the server continues to respond, and exits on SIGTERM."""
    process = start_for_people(smoke)
    assert process.stdout
    url = process.stdout.readline().split()[1]
    with requests.Session() as session:
        for _ in range(1500):
            assert session.get(f"{url}v1/models", timeout=30).status_code == 200
    process.terminate()
    assert process.wait(30) == 0
    process.communicate()


def test_trace_is_logged_over_both_ports(smoke: Path, tmp_path: Path) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    header = f"00-{trace}-00f067aa0ba902b7-01"
    with serving(smoke, log=tmp_path / "log") as server:
        server.predict(BODY)
        server.get("/v1/models", headers={"traceparent": header})
        server.get("/v1/models", headers={"traceparent": header.upper()})
        twice = http.client.HTTPConnection(*host_and_port(server), timeout=30)
        twice.putrequest("GET", "/v1/models")
        for _ in range(2):
            twice.putheader("traceparent", header)
        twice.endheaders()
        assert twice.getresponse().status == 200
        twice.close()
        with channel_to(server) as channel:
            request = infer_request()
            call(channel, "ModelInfer", metadata=[("traceparent", header)], **request)
            call(channel, "ModelInfer", metadata=[("traceparent", f"{header}-")], **request)
        wait_until(lambda: len(lines := logged(server)) >= 6 and lines[-1]["method"] == "gRPC")
        found = [(event["path"], event.get("trace_id")) for event in logged(server)]
    infer = "/inference.GRPCInferenceService/ModelInfer"
    http_paths = [("/v1/models/smoke:predict", None), ("/v1/models", trace)]
    assert found == [*http_paths, *[("/v1/models", None)] * 2, (infer, trace), (infer, None)]


def logged(server: Server) -> list[dict[str, Any]]:
    """Return the lines of requests, except for those that wait for the server."""
    events = [event for event in server.events() if event["event"] == "request"]
    return [event for event in events if not event["path"].startswith("/v2/health")]
