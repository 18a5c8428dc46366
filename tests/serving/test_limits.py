"""Limits on large, slow and many requests; rejected ones do not affect other clients."""

import asyncio
import json
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from pipeline.serving.errors import ServingError
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

ONE_MB = 2**20
BODY = json.dumps({"instances": [[[[0]] * 28] * 28]}).encode()
HEAD = b"POST /v1/models/smoke:predict HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def strict(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small limits."""
    log = tmp_path_factory.mktemp("strict") / "log"
    arguments = ("--max-body-mb", 1, "--receive-seconds", 1, "--max-requests", 4)
    with serving(complete, *arguments, log=log) as running:
        yield running


@pytest.fixture(scope="module")
def small(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for one request at a time."""
    log = tmp_path_factory.mktemp("small") / "log"
    with serving(complete, "--max-requests", 1, log=log) as running:
        yield running


def connect(server: Server) -> socket.socket:
    place = urlsplit(server.url)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def send_until_response(
    connection: socket.socket, pieces: Iterator[bytes], seconds: float
) -> bytes:
    """Send piece by piece until the server responds; return the response."""
    for piece in pieces:
        connection.settimeout(20)
        try:
            connection.sendall(piece)
        except OSError:  # the server has closed; its response can still be read
            break
        connection.settimeout(seconds)
        try:
            return connection.recv(65536)
        except TimeoutError:
            continue
    connection.settimeout(20)
    return connection.recv(65536)


def test_large_body_is_rejected_with_a_readable_error(strict: Server) -> None:
    response = strict.post("/v1/models/smoke:predict", data=b" " * (3 * ONE_MB))
    assert response.status_code == 413
    assert "at most 1,048,576 bytes" in response.json()["error"]


def test_large_chunked_body_is_rejected(strict: Server) -> None:
    chunks = (b" " * 65536 for _ in range(40))
    response = strict.post("/v1/models/smoke:predict", data=chunks)
    assert response.status_code == 413


def test_expect_continue_rejects_large_body_before_sending(strict: Server) -> None:
    with connect(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 9999999\r\nExpect: 100-continue\r\n\r\n")
        response = read_all(connection)
    assert response.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in response


def test_expect_continue_accepts_body(strict: Server) -> None:
    with connect(strict) as connection:
        length = b"Content-Length: %d\r\n" % len(BODY)
        connection.sendall(HEAD + length + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(BODY)
        assert read_all(connection).startswith(b"HTTP/1.1 200")


def test_json_has_a_separate_limit(server: Server) -> None:
    response = server.post("/v1/models/smoke:predict", data=b" " * (5 * ONE_MB))
    assert response.status_code == 413
    assert "A JSON body must have at most 4,194,304 bytes" in response.json()["error"]


@pytest.mark.parametrize("sent", [b"", b"GET /v1/mo", HEAD, HEAD + b"Content-Length: 50\r\n\r\n{"])
def test_slow_requests_time_out(strict: Server, sent: bytes) -> None:
    with connect(strict) as connection:
        connection.sendall(sent)
        started = time.monotonic()
        response = read_all(connection)
    assert 0.5 < time.monotonic() - started < 15
    assert response.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 1 s" in response


def test_dripping_body_times_out(strict: Server) -> None:
    with connect(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n")
        response = send_until_response(connection, (b" " for _ in range(100)), 0.1)
    assert response.startswith(b"HTTP/1.1 408")


def test_endless_headers_are_rejected(small: Server) -> None:
    with connect(small) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\n")
        headers = (b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(2000))
        response = send_until_response(connection, headers, 0.01)
    assert response.startswith(b"HTTP/1.1 431")


def test_invalid_http_gets_a_json_error(strict: Server) -> None:
    with connect(strict) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
        response = read_all(connection)
    assert response.startswith(b"HTTP/1.1 400")
    assert json.loads(response.partition(b"\r\n\r\n")[2])["error"].startswith(
        "The request is not valid HTTP/1.1. For https, start the server with"
    )


def test_too_many_requests_get_retry_after(small: Server) -> None:
    """Of large requests sent at the same time, some are rejected; probes are answered all along."""
    images = {"name": "image", "datatype": "UINT8", "shape": [5000, 28, 28, 1]}
    head = json.dumps({"inputs": [{**images, "parameters": {"binary_data_size": 3_920_000}}]})
    headers = {"Inference-Header-Content-Length": str(len(head))}
    rejected = threading.Event()

    def send() -> None:
        while not rejected.is_set():
            data = head.encode() + bytes(3_920_000)
            response = small.post("/v2/models/smoke/infer", data=data, headers=headers)
            if response.status_code == 429 and not rejected.is_set():
                assert response.headers["retry-after"] == "1"
                error = "at most 1 requests are handled at a time"
                assert error in response.json()["error"]
                rejected.set()

    with ThreadPoolExecutor(3) as threads:
        sending = [threads.submit(send) for _ in range(3)]
        while not rejected.is_set() and not all(done.done() for done in sending):
            assert small.get("/v2/health/live").status_code == 200
            assert small.get("/v2/health/ready").status_code == 200
        for done in sending:
            done.result()


def test_disconnecting_clients_do_no_harm(strict: Server) -> None:
    for _ in range(30):
        with connect(strict) as connection:
            connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n{")
    wait_until(lambda: strict.post("/v1/models/smoke:predict", data=BODY).status_code == 200)
    assert not [event for event in strict.events() if "traceback" in event]


def test_pipelined_requests_get_responses_in_order(strict: Server) -> None:
    one = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Request-ID: n%d\r\n\r\n"
    last = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(strict) as connection:
        connection.sendall(b"".join(one % number for number in range(5)) + last)
        response = read_all(connection)
    places = [response.index(b"x-request-id: n%d" % number) for number in range(5)]
    assert places == sorted(places)
    assert response.count(b"HTTP/1.1 200 OK") == 6


def test_endless_trailers_are_cut_off(strict: Server) -> None:
    """Trailers of a chunked body, after the response, must not pile up either."""
    with connect(strict) as connection:
        connection.sendall(
            b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        connection.sendall(b"0\r\n")
        sent = 0
        with pytest.raises(OSError, match=r"reset|pipe|abort"):
            while sent < 50 * ONE_MB:
                sent += connection.send(b"h%d: %s\r\n" % (sent, b"x" * 10_000))
        assert sent < 20 * ONE_MB  # what the system's buffers hold


@pytest.mark.parametrize(
    "more", [b"\r\n", b"POST /nowhere HTTP/1.1\r\nContent-Length: 100\r\n\r\nx"]
)
def test_incomplete_request_does_not_hold_a_connection(strict: Server, more: bytes) -> None:
    with connect(strict) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(more)
        read_all(connection)  # returns when the server closes


@pytest.mark.parametrize("cut", [None, b"Connection", b"Upgrade: h", b"grade: h", b": h2c", b"AA"])
def test_upgrade_is_ignored_and_the_body_read(server: Server, cut: bytes | None) -> None:
    """Java's client sends this with its first request; here in one piece or in two."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    whole = HEAD + upgrade + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    first = whole.index(cut) if cut else len(whole)
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(whole[:first])
        if cut:
            time.sleep(0.2)
            connection.sendall(whole[first:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_duplicate_among_many_keys_is_found_quickly(server: Server) -> None:
    """A duplicate among 200,000 keys must not be found by comparing all pairs."""
    keys = ",".join(f'"{number:x}":0' for number in range(200_000))
    response = server.post("/v1/models/smoke:predict", data="{" + keys + ',"30d3f":0}')
    assert response.status_code == 400
    assert 'duplicate key "30d3f"' in response.json()["error"]


def test_rejected_body_is_released_in_the_parser_thread() -> None:
    """The thread parses the next body: the last one must not wait for the event loop."""
    parsed: list[Any] = []

    def reader() -> None:
        body = {1, 2, 3}
        parsed.append(weakref.ref(body))
        try:
            body.remove(4)
        except KeyError:
            raise ServingError(400, "no four") from None

    async def read() -> None:
        service = Service(Settings(exported=Path()))
        with pytest.raises(ServingError, match="no four") as caught:
            await service.read(ONE_MB, reader)
        assert caught.value.status == 400  # the error is still referenced
        assert parsed[0]() is None

    asyncio.run(read())


def test_passed_deadline_is_reported(server: Server) -> None:
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 28, 28, 1], "data": [0] * 784}
    body = {"inputs": [tensor], "parameters": {"timeout": 1}}
    response = server.post("/v2/models/smoke/infer", json=body)
    assert response.status_code == 504
    assert "deadline" in response.json()["error"]


def test_server_still_responds_after_all_tests(strict: Server) -> None:
    assert requests.get(strict.url + "/v2/health/ready", timeout=10).status_code == 200
