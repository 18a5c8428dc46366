"""Pages of other origins, in a real browser."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline.errors import RequestError
from tests.support.page_visits import visit_page
from tests.support.servers import Server, serving

TOKEN = secrets.token_hex(12)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of an empty page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def with_token(workspace: Path, folder: Path, *arguments: object) -> Iterator[Server]:
    token = folder / "token"
    token.write_text(TOKEN)
    log = folder / "log"
    with serving(workspace, "--token-file", token, *arguments, log=log) as server:
        yield server


def from_page(page: str, server: Server) -> Any:
    return visit_page("cross_origin.mjs", page, server.url, TOKEN)


@pytest.mark.server
@pytest.mark.browser
@pytest.mark.parametrize("allowed", ["the page", "*"])
def test_page_of_an_allowed_origin_receives_predictions(
    complete: Path, tmp_path: Path, page: str, allowed: str
) -> None:
    origin = page if allowed == "the page" else allowed
    with with_token(complete, tmp_path, "--allow-origin", origin) as server:
        seen = from_page(page, server)
        assert seen["status"] == 200, seen
        assert len(seen["document"]["predictions"][0]) == 10
        assert seen["id"]
        other = server.get("/v2", headers={"Origin": "http://example.org"})
        expected = "*" if allowed == "*" else None
        assert other.headers.get("Access-Control-Allow-Origin") == expected
        assert other.headers.get("Vary") == (None if allowed == "*" else "origin")


@pytest.mark.server
@pytest.mark.browser
@pytest.mark.parametrize("arguments", [(), ("--allow-origin", "https://example.org")])
def test_page_of_another_origin_receives_nothing(
    complete: Path, tmp_path: Path, page: str, arguments: tuple[str, ...]
) -> None:
    with with_token(complete, tmp_path, *arguments) as server:
        assert from_page(page, server) == {"error": "Failed to fetch"}


@pytest.mark.parametrize(
    "origin",
    [
        *("example.org", "https://example.org/", "https://a b", "null", "https://Example.org"),
        *("https://*.example.org", "http://example.org:80", "https://a.org:443", "https://a.org:x"),
    ],
)
def test_invalid_origin_is_explained(tmp_path: Path, origin: str) -> None:
    with pytest.raises(RequestError, match=r"must be SCHEME://HOST\[:PORT\] in lower case"):
        pipeline.serve(workspace=tmp_path, allow_origins=(origin,))
