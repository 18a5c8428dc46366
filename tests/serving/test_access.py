"""Access control: tokens and TLS."""

import socket
from pathlib import Path

import pytest
import requests

from tests.support.command_line import assert_error, command
from tests.support.servers import serving

pytestmark = pytest.mark.server

BODY = {"instances": [[[[0]] * 28] * 28]}
TOKEN = "a-token-of-many-characters"  # noqa: S105


def test_short_token_is_rejected(smoke: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xyzzy\n")
    done = command("serve", "-C", smoke, "--token-file", tmp_path / "token", timeout=60)
    assert_error(done, 2, "at least 16 printable ASCII characters", "got 5", "openssl rand")
    assert "xyzzy" not in done.err


def test_tls(smoke: Path, tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    options = ("--tls-certificate", certificate[0], "--tls-key", certificate[1])
    with serving(smoke, *options, log=tmp_path / "log", verify=certificate[0]) as server:
        assert server.url.startswith("https://")
        assert server.predict(BODY).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.url, timeout=30)


def test_missing_tls_handshake_times_out(
    smoke: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    options = ("--tls-certificate", certificate[0], "--tls-key", certificate[1])
    with serving(
        smoke, *options, "--receive-seconds", 1, log=tmp_path / "log", verify=certificate[0]
    ) as server:
        host, port = server.url.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            assert connection.recv(1) == b""  # asyncio's own timeout is 60 s


def test_token_is_required(smoke: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    arguments = ("--token-file", tmp_path / "token", "--host", "0.0.0.0")
    with serving(smoke, *arguments, log=tmp_path / "log") as server:
        for given in (
            None,
            "Bearer",
            TOKEN,
            f"Bearer{TOKEN}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN.upper()}",
            f"Basic {TOKEN}",
        ):
            headers = {"Authorization": given} if given else {}
            for response in (
                server.get("/v1/models", headers=headers),
                server.get("/metrics", headers=headers),
                server.post("/v1/models/smoke:predict", json=BODY, headers=headers),
            ):
                assert response.status_code == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert "Missing or invalid bearer token" in response.json()["error"]
        for scheme in ("Bearer", "bearer", "BEARER "):
            right = {"Authorization": f"{scheme} {TOKEN}"}
            response = server.post("/v1/models/smoke:predict", json=BODY, headers=right)
            assert response.status_code == 200
        # The page is open to all and asks for the token itself.
        assert server.get("/", headers={"Accept": "text/html"}).status_code == 200
        assert TOKEN not in server.log.read_text()


def test_token_from_the_environment(smoke: Path, tmp_path: Path) -> None:
    with serving(smoke, log=tmp_path / "log", PIPELINE_SERVE_TOKEN=TOKEN) as server:
        assert server.get("/v1/models").status_code == 401
