"""uvicorn with our connections, and a shutdown that loses no request."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from pipeline.serving.http import uvicorn_overrides
from pipeline.serving.http.application import Application
from pipeline.serving.http.connections import FIRST_SECONDS, Connection, connection_class
from pipeline.serving.http.uvicorn_overrides import Config
from pipeline.serving.settings import Settings

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_CHECK_SECONDS = 0.02
_GOODBYE_SECONDS = 1.0  # for a client to close its side of TLS, which idle ones never do


class Server(uvicorn_overrides.Server):
    """The HTTP port of one worker."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self._application, self._limits = application, settings.limits
        self._connections = connection_class(settings.limits)
        self._interrupted = False
        self._arriving: set[asyncio.Task[None]] = set()  # from the queue of a port that closes
        super().__init__(_config(application, self._connections, settings))
        application.service.http_tasks = self.server_state.tasks

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave on SIGINT and SIGTERM; uvicorn would raise them once more at the end."""
        previous = {number: signal.signal(number, self.handle_exit) for number in _STOPPING}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # blocked while a worker starts
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave: slowly on SIGTERM, without drain delay on SIGINT, at once on another SIGINT."""
        del frame
        if sig == signal.SIGINT:
            self.force_exit, self._interrupted = self._interrupted, True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn would leave a client a minute for the handshake of TLS."""
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._new_connection, sock=sock, backlog=self.config.backlog, **self._tls()
            )
            for sock in sockets or ()
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Become not ready, drain, stop accepting, answer what was accepted, close.

        Every answer from now on tells its client to close. Those that were answered before could
        not be told: their next request is waited for.
        """
        loop = asyncio.get_running_loop()
        self._application.service.draining = True
        self._connections.leaving = True
        for connection in self._open_connections():
            if connection.cycle is not None:
                connection.cycle.keep_alive = False
        await self._drain()
        began = loop.time()
        self._application.service.leaving.set()
        for sock in sockets or ():
            await self._stop_accepting(sock)
        while self._awaits_requests(loop.time() - began) and not self.force_exit:
            await asyncio.sleep(_CHECK_SECONDS)
        for late in self._arriving:
            late.cancel()
        rest = self._limits.shutdown_seconds - (loop.time() - began)
        self.config.timeout_graceful_shutdown = max(1, int(rest))
        await super().shutdown([])

    async def _drain(self) -> None:
        """Go on for a while: who looks whether we are ready must notice before the port closes."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._limits.drain_seconds
        while loop.time() < until and not self._interrupted:
            await asyncio.sleep(_CHECK_SECONDS)

    def _open_connections(self) -> list[Connection]:
        return [one for one in self.server_state.connections if isinstance(one, Connection)]

    def _awaits_requests(self, waited: float) -> bool:
        if self._arriving and waited < FIRST_SECONDS:
            return True
        return any(connection.awaits_request(waited) for connection in self._open_connections())

    async def _stop_accepting(self, sock: socket.socket) -> None:
        """Close a port; who waits in its queue is served, since closing would reset them."""
        with sock.dup() as queue:
            for server in self.servers:
                server.close()
            await asyncio.sleep(_CHECK_SECONDS)  # the loop lets go of its own descriptor
            sock.close()
            queue.setblocking(False)
            with suppress(BlockingIOError):
                for _ in range(self.config.backlog):
                    connection, _ = queue.accept()
                    arriving = asyncio.create_task(self._take(connection))
                    self._arriving.add(arriving)
                    arriving.add_done_callback(self._arriving.discard)

    async def _take(self, connection: socket.socket) -> None:
        """Serve somebody from the queue, unless they have gone or speak no TLS."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            await loop.connect_accepted_socket(self._new_connection, connection, **self._tls())

    def _tls(self) -> dict[str, Any]:
        """Return what the loop must know; its own limits are a minute and half a minute."""
        if self.config.ssl is None:
            return {}
        return {
            "ssl": self.config.ssl,
            "ssl_handshake_timeout": self._limits.receive_seconds,
            "ssl_shutdown_timeout": _GOODBYE_SECONDS,
        }

    def _new_connection(self) -> Connection:
        return self._connections(self.config, self.server_state, {})


def _config(application: Application, connections: type[Connection], settings: Settings) -> Config:
    limits = settings.limits
    return Config(
        application,
        loop="auto",
        http=connections,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limits.keep_alive_seconds,
        timeout_graceful_shutdown=limits.shutdown_seconds,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
