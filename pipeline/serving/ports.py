"""Opening the ports before anything else, so that a port in use is told at once."""

import errno
import socket
from contextlib import closing
from dataclasses import replace

from pipeline.errors import MachineError, RequestError
from pipeline.serving.settings import Settings, address

_BACKLOG = 2048


def open_ports(settings: Settings) -> tuple[Settings, socket.socket, socket.socket | None]:
    """Return the settings with the ports that were chosen, the HTTP socket, the gRPC port's keeper.

    Port 0 lets the system choose. The keeper holds the gRPC port for the workers, which share it.

    Raises:
        MachineError: a port is taken or may not be used.
        RequestError: the host is none of this machine.
    """
    http = _bound(settings.host, settings.port, "--port")
    http.listen(_BACKLOG)
    http.set_inheritable(True)
    keeper = None
    grpc_port = settings.grpc_port
    if grpc_port is not None:
        with closing(_bound(settings.host, grpc_port, "--grpc-port (or --no-grpc)")) as free:
            grpc_port = free.getsockname()[1]
        keeper = _bound(settings.host, grpc_port, "--grpc-port (or --no-grpc)", shared=True)
    chosen = replace(settings, port=http.getsockname()[1], grpc_port=grpc_port)
    return chosen, http, keeper


def _bound(host: str, port: int, option: str, *, shared: bool = False) -> socket.socket:
    host = host.strip("[]")
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise RequestError(
            f"--host must be a name or an address of this machine; got {host!r}: {error.strerror}."
        ) from error
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(place)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise RequestError(
                f"--host must be an address of this machine; got {host!r}, which is not."
            ) from error
        raise MachineError(
            f"The port must be free; got {address(host, port)}: {error.strerror}. End what uses "
            f"it, or choose another with {option}."
        ) from error
    return sock
