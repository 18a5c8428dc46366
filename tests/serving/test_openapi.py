"""schemathesis sends the server requests that its OpenAPI document allows, and invalid ones."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline.serving.http.route_table import ROUTER, openapi
from pipeline.serving.protocols import schemas
from tests.support.command_line import Done
from tests.support.paths import PROJECT
from tests.support.servers import Server, serving
from tests.support.single_output import PARITY

CLIENTS = PROJECT / "tests" / "clients"
PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
TOKEN = "a-token-of-these-tests"  # noqa: S105
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not PYTHON.exists(), reason="`make test` creates .venv-clients"),
]


FEW = ("--max-examples", "1")
OPERATIONS = 47  # read from the server: without the route of the document itself
LOAD = "/v2/repository/models/{name}/load"
UNLOAD = "/v2/repository/models/{name}/unload"  # after which others respond with 503


def check(
    document: object, url: str, folder: Path, options: tuple[str, ...] = (), **environment: str
) -> Done:
    done = subprocess.run(
        [PYTHON, CLIENTS / "openapi_check.py", str(document), url, *options],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def assert_nothing_found(done: Done) -> None:
    assert done.code == 0, done.out + done.err
    assert f"{OPERATIONS} selected / {OPERATIONS} total" in done.out
    for phase in ("Coverage", "Fuzzing", "Stateful"):
        assert f"✅  {phase}" in done.out


def test_every_json_response_but_the_document_has_a_schema() -> None:
    objects = {
        route.handler
        for route in ROUTER.routes
        if (schemas.response_content(route.handler) or {}).get("application/json")
        == {"schema": {"type": "object"}}
    }
    assert objects == {openapi}


def test_server_conforms_to_its_document(server: Server, tmp_path: Path) -> None:
    assert_nothing_found(check(f"{server.url}/openapi.json", server.url, tmp_path))


def test_server_with_token_conforms_to_its_document(complete: Path, tmp_path: Path) -> None:
    with serving(complete, log=tmp_path / "log", PIPELINE_SERVE_TOKEN=TOKEN) as server:
        document = server.get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
        del document["paths"][UNLOAD]
        (tmp_path / "document.json").write_text(json.dumps(document))
        # Only the authentication differs.
        done = check(
            tmp_path / "document.json", server.url, tmp_path, FEW, PIPELINE_SERVE_TOKEN=TOKEN
        )
    assert_nothing_found(done)  # one route more, one less


def test_server_of_a_binary_model_conforms_to_its_document(
    single_output: Path, tmp_path: Path
) -> None:
    model = "/v1/models/{name}"
    with serving(single_output, PARITY, log=tmp_path / "log") as server:
        document = server.get("/openapi.json").json()
        paths = (model, f"{model}:predict", f"{model}:{{verb}}", "/v2/models/{name}/infer", LOAD)
        document["paths"] = {path: document["paths"][path] for path in paths}
        (tmp_path / "document.json").write_text(json.dumps(document))
        # Only the outputs differ.
        done = check(tmp_path / "document.json", server.url, tmp_path, FEW)
    assert done.code == 0, done.out + done.err
    assert "5 selected / 5 total" in done.out


def test_wrong_document_is_detected(server: Server, tmp_path: Path) -> None:
    document = server.get("/openapi.json").json()
    paths = document["paths"]
    health = paths["/v2/health/live"]
    health["get"]["responses"]["200"]["content"]["application/json"]["schema"]["required"] += ["up"]
    del paths["/v2"]["get"]["responses"]["200"]
    document["paths"] = {path: paths[path] for path in ("/v2", "/v2/health/live")}
    (tmp_path / "wrong.json").write_text(json.dumps(document))
    done = check(tmp_path / "wrong.json", server.url, tmp_path)
    assert done.code == 1
    assert "Response violates schema: 1" in done.out
    assert "Undocumented status code: 1" in done.out
