"""One connection of the server without a socket: bytes in, bytes out."""

import asyncio
import logging
from functools import cache
from pathlib import Path
from typing import Any

from uvicorn.server import ServerState

from pipeline.serving.access_log import AccessLog
from pipeline.serving.http.application import Application
from pipeline.serving.http.connections import connection_class
from pipeline.serving.http.uvicorn_overrides import Config
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings

_PASSES = 20  # of the event loop: enough for a request that does not wait


class _Transport(asyncio.Transport):
    """Collects what is written."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.written = b""
        self._closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self._closing = True

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def receive(*pieces: bytes) -> bytes:
    """Give the pieces to a new connection; return what it writes.

    Raises whatever the connection or the application raises.
    """
    loop, errors = _loop(), []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    transport = loop.run_until_complete(_receive(loop, pieces))
    for context in errors:
        raise context.get("exception") or RuntimeError(context["message"])
    return transport.written


async def _receive(loop: asyncio.AbstractEventLoop, pieces: tuple[bytes, ...]) -> _Transport:
    config, connections = _worker()
    transport = _Transport()
    connection = connections(config, ServerState(), {}, loop)
    connection.connection_made(transport)
    for piece in pieces:
        if piece and not transport.is_closing():
            connection.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(_PASSES):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    for _ in range(_PASSES):
        await asyncio.sleep(0)
    return transport


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _worker() -> tuple[Any, Any]:
    """Return uvicorn's configuration and the class of the connections of a worker."""
    logging.getLogger("uvicorn.error").setLevel(
        logging.ERROR
    )  # not a line for each invalid request
    settings = Settings(exported=Path("/nowhere"), access_log=False)
    application: Any = Application(Service(settings), AccessLog(None))
    config = Config(application, lifespan="off", log_config=None)
    config.load()
    return config, connection_class(settings.limits)
