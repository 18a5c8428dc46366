"""Opening the ports before anything else, so that a port in use is reported immediately."""

import errno
import resource
import socket
from contextlib import closing, suppress
from dataclasses import replace

from pipeline.errors import MachineError, RequestError
from pipeline.serving.settings import Settings, address

_BACKLOG = 2048


def open_ports(settings: Settings) -> tuple[Settings, socket.socket, socket.socket | None]:
    """Return the settings with the actual ports, the HTTP socket, and a socket for the gRPC port.

    Port 0 lets the system choose. The gRPC socket only reserves the port for the workers, which
    share it; it is None without gRPC.

    Raises:
        MachineError: a port is in use or not permitted.
        RequestError: the host is not an address of this machine.
    """
    _raise_open_files()
    http = _bound(settings.host, settings.port, "--port")
    http.listen(_BACKLOG)
    http.set_inheritable(True)
    reserved = None
    grpc_port = settings.grpc_port
    if grpc_port is not None:
        with closing(_bound(settings.host, grpc_port, "--grpc-port (or --no-grpc)")) as free:
            grpc_port = free.getsockname()[1]
        reserved = _bound(settings.host, grpc_port, "--grpc-port (or --no-grpc)", shared=True)
    chosen = replace(settings, port=http.getsockname()[1], grpc_port=grpc_port)
    return chosen, http, reserved


def _raise_open_files() -> None:
    """Allow as many connections as the system does: many shells allow only 1,024 open files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS accepts no "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _bound(host: str, port: int, option: str, *, shared: bool = False) -> socket.socket:
    host = host.strip("[]")
    try:
        family, *_, socket_address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise RequestError(
            f"--host must be a name or address of this machine; got {host!r}: {error.strerror}."
        ) from error
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(socket_address)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise RequestError(
                f"--host must be an address of this machine; got {host!r}."
            ) from error
        raise MachineError(
            f"Cannot listen on {address(host, port)}: {error.strerror}. Choose another port with "
            f"{option}, or stop the process that uses this one."
        ) from error
    return sock
