"""schemathesis asks the server whatever its OpenAPI document allows, and what it does not."""

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

CLIENTS = PROJECT / "tests" / "clients"
PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
TOKEN = "a-token-of-these-tests"  # noqa: S105
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="made by `make test`: .venv-clients")


def check(document: object, url: str, folder: Path, **environment: str) -> Done:
    done = subprocess.run(
        [PYTHON, CLIENTS / "openapi_check.py", str(document), url],
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
    assert "31 selected / 31 total" in done.out
    for phase in ("Coverage", "Fuzzing", "Stateful"):
        assert f"✅  {phase}" in done.out


def test_every_answer_but_the_document_itself_has_a_schema_of_its_own() -> None:
    objects = {
        route.handler
        for route in ROUTER.routes
        if (schemas.answer(route.handler) or {}).get("application/json")
        == {"schema": {"type": "object"}}
    }
    assert objects == {openapi}


def test_the_server_does_as_its_document_says(server: Server, tmp_path: Path) -> None:
    assert_nothing_found(check(f"{server.url}/openapi.json", server.url, tmp_path))


def test_so_does_one_that_asks_for_a_token(complete: Path, tmp_path: Path) -> None:
    with serving(complete, log=tmp_path / "log", PIPELINE_SERVE_TOKEN=TOKEN) as server:
        document = f"{server.url}/openapi.json"
        done = check(document, server.url, tmp_path, PIPELINE_SERVE_TOKEN=TOKEN)
    assert_nothing_found(done)


def test_a_wrong_document_is_found(server: Server, tmp_path: Path) -> None:
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
