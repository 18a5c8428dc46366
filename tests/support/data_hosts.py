"""Data hosts on loopback: good ones, and ones that truncate, alter or stall."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.data import fetching


class Host(ThreadingHTTPServer):
    """Serves the files of a folder in one of several ways, and records the requested names."""

    daemon_threads = True

    def __init__(self, folder: Path, behavior: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.behavior = folder, behavior
        self.requested: list[str] = []
        self.released = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mnist/"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.requested.append(name)
        path = self.server.folder / name
        if self.server.behavior == "silent":
            self.server.released.wait(30)
            return
        if self.server.behavior == "missing" or not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body)

    def _send(self, body: bytes) -> None:
        behavior = self.server.behavior
        if behavior == "altered":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if behavior == "cut":
            body = body[: len(body) // 2]
        if behavior == "slow":
            for first in range(0, len(body), 65536):
                self.wfile.write(body[first : first + 65536])
                time.sleep(0.1)
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def host(folder: Path, behavior: str = "good") -> Iterator[Host]:
    server = Host(folder, behavior)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Hosts in tests respond or refuse immediately, but a busy machine may be slow."""
    patch.setattr(fetching, "PROBE_SECONDS", 60.0)
    patch.setattr(fetching, "STALL_SECONDS", 60.0)
