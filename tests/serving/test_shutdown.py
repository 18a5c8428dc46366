"""Shutdown: no accepted request is lost, and no client can delay the exit."""

import json
import os
import signal
import socket
import ssl
import threading
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import grpc
import pytest
import requests

from tests.support.grpc_client import call, channel_to, infer_request
from tests.support.processes import wait_until
from tests.support.servers import Server, host_and_port, serving

pytestmark = pytest.mark.server

BODY = {"instances": [[[[0]] * 28] * 28]}
DATA = json.dumps(BODY).encode()
HEAD = b"POST /v1/models/smoke:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(
    DATA
)
REQUEST = HEAD + DATA


class PredictClient(threading.Thread):
    """A client that sends requests in a loop, ``pause`` seconds apart.

    With ``reuse`` it reuses its connection; otherwise, each request opens a new one.
    """

    def __init__(self, server: Server, *, reuse: bool, pause: float = 0) -> None:
        super().__init__()
        self._server, self._reuse, self._pause = server, reuse, pause
        self.codes: list[int] = []
        self.failed: list[str] = []

    def run(self) -> None:
        session = requests.Session()
        url = f"{self._server.url}/v1/models/smoke:predict"
        while True:
            try:
                self.codes.append(session.post(url, json=BODY, timeout=30).status_code)
            except requests.ConnectionError as error:
                if "refused" not in str(error):
                    self.failed.append(str(error))
                return
            if not self._reuse:
                session.close()
                session = requests.Session()
            time.sleep(self._pause)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_shutdown_loses_no_accepted_request(
    smoke: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(smoke, log=tmp_path / "log") as server:
        clients = [PredictClient(server, reuse=True) for _ in range(6)]
        for client in clients:
            client.start()
        wait_until(lambda: all(len(client.codes) > 20 for client in clients))
        assert server.stop(number) == 0
        for client in clients:
            client.join()
    assert [client.failed for client in clients] == [[]] * 6
    assert {code for client in clients for code in client.codes} == {200}


def test_readiness_fails_before_the_port_closes(smoke: Path, tmp_path: Path) -> None:
    with serving(smoke, "--drain-seconds", 3600, log=tmp_path / "log") as server:
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.get("/v2/health/ready").status_code == 503)
        response = server.predict(BODY)  # on a new connection
        assert (response.status_code, response.headers["connection"]) == (200, "close")
        with channel_to(server) as channel:
            assert not call(channel, "ServerReady").ready
            assert call(channel, "ModelInfer", **infer_request()).model_name == "smoke"
        assert server.stop(signal.SIGINT) == 0  # cuts the drain period short


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_skips_the_drain_period(smoke: Path, tmp_path: Path, workers: int) -> None:
    options = ("--workers", workers, "--drain-seconds", 3600)
    with serving(smoke, *options, log=tmp_path / "log", own_group=True) as server:
        os.killpg(server.pid, signal.SIGINT)
        assert server.process.wait(60) == 0


def test_second_ctrl_c_exits_immediately(smoke: Path, tmp_path: Path) -> None:
    with (
        serving(smoke, "--receive-seconds", 3600, log=tmp_path / "log") as server,
        socket.create_connection(host_and_port(server), timeout=30) as connection,
    ):
        connection.sendall(REQUEST[:-1])
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: is_refused(server))
        assert server.stop(signal.SIGINT, seconds=20) == 0  # the first signal alone allows 30 s


def is_refused(server: Server) -> bool:
    try:
        socket.create_connection(host_and_port(server), timeout=30).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [(0, 0.5), (32, 4), (len(HEAD) + 100, 4)],
    ids=["just connected", "partial head", "partial body"],
)
def test_partially_sent_request_is_completed(
    smoke: Path, tmp_path: Path, sent: int, seconds: float
) -> None:
    with serving(smoke, log=tmp_path / "log") as server:
        with socket.create_connection(host_and_port(server), timeout=20) as connection:
            connection.sendall(REQUEST[:sent])
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(seconds)
            connection.sendall(REQUEST[sent:])
            response = connection.recv(65536)
        assert server.process.wait(20) == 0
    assert response.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in response


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_process_group_resets_no_connection(
    smoke: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(smoke, "--workers", 2, log=tmp_path / "log", own_group=True) as server:
        clients = [PredictClient(server, reuse=False, pause=0.03) for _ in range(12)]
        for client in clients:
            client.start()
        wait_until(lambda: all(len(client.codes) > 5 for client in clients))
        os.killpg(server.pid, number)
        for client in clients:
            client.join()
        assert server.process.wait(30) == 0
    assert [client.failed for client in clients] == [[]] * 12


def test_grpc_calls_succeed_or_fail_as_unavailable(smoke: Path, tmp_path: Path) -> None:
    ended: list[grpc.StatusCode] = []

    def send_requests(server: Server) -> None:
        with channel_to(server) as channel:
            while True:
                try:
                    call(channel, "ModelInfer", **infer_request())
                except grpc.RpcError as error:
                    ended.append(error.code())
                    return

    with serving(smoke, log=tmp_path / "log") as server:
        clients = [threading.Thread(target=send_requests, args=(server,)) for _ in range(8)]
        for client in clients:
            client.start()
        time.sleep(1)
        assert server.stop() == 0
        for client in clients:
            client.join()
    assert ended == [grpc.StatusCode.UNAVAILABLE] * 8


class ReconnectingClient(threading.Thread):
    """A client that connects and disconnects in a loop."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._address = host_and_port(server)
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.0005):
            with suppress(OSError):
                socket.create_connection(self._address, timeout=5).close()


def test_disconnects_before_tls_handshake_do_no_harm(
    smoke: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    with tls_serving(smoke, tmp_path, certificate) as server, tls_connection(server) as connection:
        clients = [ReconnectingClient(server) for _ in range(4)]
        for client in clients:
            client.start()
        connection.sendall(REQUEST[:-100])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(REQUEST[-100:])
        response = connection.recv(65536)
        for client in clients:
            client.stop.set()
            client.join()
        assert server.process.wait(30) == 0, server.log.read_text()
    assert response.startswith(b"HTTP/1.1 200 OK")


def test_half_closed_tls_connection_does_not_delay_exit(
    smoke: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    with tls_serving(smoke, tmp_path, certificate) as server, tls_connection(server) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        assert server.stop(seconds=20) == 0  # asyncio's own timeout is 30 s


def tls_serving(
    workspace: Path, folder: Path, certificate: tuple[Path, Path]
) -> AbstractContextManager[Server]:
    options = ("--tls-certificate", certificate[0], "--tls-key", certificate[1])
    return serving(workspace, *options, log=folder / "log", verify=certificate[0])


def tls_connection(server: Server) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=server.verify)
    connection = socket.create_connection(host_and_port(server), timeout=30)
    return context.wrap_socket(connection, server_hostname="127.0.0.1")
