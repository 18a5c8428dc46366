"""uvicorn with our connections, and a shutdown that loses no request."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from pipeline.serving.http.application import Application
from pipeline.serving.http.connections import Connection, connection_class
from pipeline.serving.ports import drop_newcomers
from pipeline.serving.settings import Settings

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_CHECK_SECONDS = 0.02


class Server(uvicorn.Server):
    """The HTTP port of one worker."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self._application = application
        self._connections = connection_class(settings.limits)
        super().__init__(_config(application, self._connections, settings))
        application.service.http_tasks = self.server_state.tasks

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave on SIGINT and SIGTERM; uvicorn would raise them once more at the end."""
        previous = {number: signal.signal(number, self.handle_exit) for number in _STOPPING}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

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
        """Stop accepting, say in every answer that we leave, wait for clients to close, close.

        A client that is told to close sends nothing more on that connection, so no request is on
        its way when it is closed.
        """
        self._application.service.leaving = True
        self._connections.leaving = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection) and connection.cycle is not None:
                connection.cycle.keep_alive = False
        for sock in sockets or ():
            if self.config.workers == 1:
                drop_newcomers(sock)
            await self._stop_accepting(sock)
        waited = 0.0
        while self._awaits_requests(waited) and not self.force_exit:
            await asyncio.sleep(_CHECK_SECONDS)
            waited += _CHECK_SECONDS
        await super().shutdown([])

    def _awaits_requests(self, waited: float) -> bool:
        return any(
            isinstance(connection, Connection) and connection.awaits_request(waited)
            for connection in self.server_state.connections
        )

    async def _stop_accepting(self, sock: socket.socket) -> None:
        """Close a port; who waits in its queue is served, since closing would reset them."""
        with sock.dup() as queue:
            for server in self.servers:
                server.close()
            await asyncio.sleep(_CHECK_SECONDS)  # the loop lets go of its own descriptor
            sock.close()
            queue.setblocking(False)
            loop = asyncio.get_running_loop()
            with suppress(BlockingIOError):
                while True:
                    connection, _ = queue.accept()
                    await loop.connect_accepted_socket(
                        self._new_connection, connection, **self._tls()
                    )

    def _tls(self) -> dict[str, Any]:
        if self.config.ssl is None:
            return {}
        seconds = self._connections.limits.receive_seconds
        return {"ssl": self.config.ssl, "ssl_handshake_timeout": seconds}

    def _new_connection(self) -> Connection:
        return self._connections(self.config, self.server_state, {})


def _config(
    application: Application, connections: type[Connection], settings: Settings
) -> uvicorn.Config:
    limits = settings.limits
    return uvicorn.Config(
        application,
        loop="auto",
        http=connections,
        workers=settings.workers,
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
