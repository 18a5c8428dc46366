"""uvicorn with our connections and a graceful shutdown that loses no request."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from pipeline.serving.http import uvicorn_overrides
from pipeline.serving.http.application import Application
from pipeline.serving.http.closing_port import refuse_new_connections
from pipeline.serving.http.connections import FIRST_SECONDS, Connection, connection_class
from pipeline.serving.http.uvicorn_overrides import Config
from pipeline.serving.settings import Settings

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_CHECK_SECONDS = 0.02
_TLS_CLOSE_SECONDS = 1.0  # for a client to close its side of TLS, which idle clients never do


class Server(uvicorn_overrides.Server):
    """The HTTP port of one worker."""

    def __init__(
        self,
        application: Application,
        settings: Settings,
        closes_port: Callable[[], bool],
    ) -> None:
        """``closes_port`` tells at shutdown whether the other processes end too."""
        self._closes_port = closes_port
        self._application, self._limits = application, settings.limits
        self._connections = connection_class(settings.limits)
        self._interrupted = False
        self._arriving: set[asyncio.Task[None]] = set()  # from the queue of a closing port
        super().__init__(_config(application, self._connections, settings))
        application.service.http_tasks = self.server_state.tasks

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM; uvicorn would raise them again at the end."""
        previous = {number: signal.signal(number, self.handle_exit) for number in _STOPPING}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # blocked while a worker starts
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: after a delay on SIGTERM, without it on SIGINT, immediately on a second SIGINT."""
        del frame
        if sig == signal.SIGINT:
            self.force_exit, self._interrupted = self._interrupted, True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn would give clients a minute for the TLS handshake."""
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._new_connection, sock=sock, backlog=self.config.backlog, **self._tls()
            )
            for sock in sockets or ()
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Report not ready, drain, stop accepting, complete accepted requests, close.

        Every response from now on tells the client to close the connection. Clients that got their
        last response before that may send another request, for which the server waits.
        """
        loop = asyncio.get_running_loop()
        self._application.service.draining = True
        self._connections.shutting_down = True
        for connection in self._open_connections():
            if connection.cycle is not None:
                connection.cycle.keep_alive = False
        await self._drain()
        began = loop.time()
        self._application.service.shutting_down.set()
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
        """Keep serving for a while: readiness probes must notice before the port closes."""
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
        """Close a port, but serve the connections in its queue, which closing would reset."""
        with sock.dup() as queue:
            for server in self.servers:
                server.close()
            await asyncio.sleep(_CHECK_SECONDS)  # for the loop to release its own descriptor
            sock.close()
            queue.setblocking(False)
            self._accept_all(queue)
            if self._closes_port():  # otherwise, other processes go on accepting
                # Only now, because clients learn a second later that they are refused.
                refuse_new_connections(queue)
                self._accept_all(queue)

    def _accept_all(self, queue: socket.socket) -> None:
        with suppress(BlockingIOError):
            for _ in range(self.config.backlog):
                connection, _ = queue.accept()
                arriving = asyncio.create_task(self._accept(connection))
                self._arriving.add(arriving)
                arriving.add_done_callback(self._arriving.discard)

    async def _accept(self, connection: socket.socket) -> None:
        """Serve a connection from the queue, unless it is closed or its TLS handshake fails."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            await loop.connect_accepted_socket(self._new_connection, connection, **self._tls())

    def _tls(self) -> dict[str, Any]:
        """Return the TLS arguments of the loop, whose default timeouts are 60 s and 30 s."""
        if self.config.ssl is None:
            return {}
        return {
            "ssl": self.config.ssl,
            "ssl_handshake_timeout": self._limits.receive_seconds,
            "ssl_shutdown_timeout": _TLS_CLOSE_SECONDS,
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
