"""Connections to a server from another loopback address, for clients that cannot choose theirs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def relay_from(source: str, target: tuple[str, int]) -> Iterator[str]:
    """Yield an address whose connections reach the target from ``source``."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))

        def accept() -> None:
            with suppress(OSError):  # the listener was closed
                while True:
                    inner = opened.enter_context(listener.accept()[0])
                    outer = socket.create_connection(target, source_address=(source, 0))
                    opened.enter_context(outer)
                    for pair in ((inner, outer), (outer, inner)):
                        threading.Thread(target=_copy, args=pair, daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)  # accept() would wait for ever
        accepting.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
