"""What the server is told: where models lie, which ports, who may ask, and how much."""

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from pipeline.errors import RequestError
from pipeline.serving.bearer_token import TOKEN_VARIABLE

MODEL_PORT = 8501  # TensorFlow Serving's for REST; its gRPC port is the one below


@dataclass(frozen=True)
class Limits:
    """How much of anything a worker takes on; sizes in bytes, times in seconds."""

    body_bytes: int = 16 * 2**20
    json_bytes: int = 4 * 2**20  # nested lists take twenty times as much memory as their text
    head_bytes: int = 64 * 2**10
    kept_bytes: int = 128 * 2**20  # of all requests that have come and are not answered yet
    requests: int = 256  # at once
    batch_images: int = 64  # of several requests, computed together; 1 for none
    connections: int = 1024
    receive_seconds: float = 10  # for a client to send a request
    answer_seconds: float = 10  # to wait for a place in a batch
    keep_alive_seconds: int = 60
    drain_seconds: float = 1  # on SIGTERM, from "not ready" to closing the port
    shutdown_seconds: int = 30


class ServeOptions(TypedDict, total=False):
    """The fields of ``Settings`` that a script may give as they are."""

    host: str
    port: int
    grpc_port: int | None
    workers: int
    certificate: Path | None
    key: Path | None
    access_log: bool
    limits: Limits


@dataclass(frozen=True)
class Settings:
    """Everything ``pipeline serve`` was told.

    ``folders`` are models or single versions; where there are none, all of ``exported`` is served.
    """

    exported: Path
    folders: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = MODEL_PORT
    grpc_port: int | None = MODEL_PORT - 1
    workers: int = 1
    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    access_log: bool = True
    limits: Limits = Limits()

    @property
    def url(self) -> str:
        """Where the HTTP port is."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{address(self.host, self.port)}/"

    @property
    def grpc_address(self) -> str | None:
        """Where the gRPC port is."""
        return None if self.grpc_port is None else address(self.host, self.grpc_port)


def address(host: str, port: int) -> str:
    """Return HOST:PORT, an IPv6 host in brackets."""
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def require_guarded(settings: Settings, *, insecure: bool) -> None:
    """Demand a token or TLS where other machines could ask.

    Raises:
        RequestError: there is neither, and nobody said that this is meant.
    """
    if settings.token or settings.certificate or insecure or _is_loopback(settings.host):
        return
    raise RequestError(
        f"A server that other machines can reach must ask for a token or speak TLS; got --host "
        f"{settings.host} with neither. Add --token-file FILE (or {TOKEN_VARIABLE}), or "
        "--tls-certificate and --tls-key; if something in front of it protects it, say --insecure."
    )


def require_certificate(certificate: Path | None, key: Path | None) -> None:
    """Demand that certificate and key belong together and can be read.

    Raises:
        RequestError: one is missing, or they cannot be loaded.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise RequestError(
            "TLS needs both --tls-certificate and --tls-key; got one of them. Name both PEM files."
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _no_password)
    except (OSError, ValueError) as error:
        raise RequestError(
            "--tls-certificate and --tls-key must be PEM files that belong together, the key "
            f"without a password; got {certificate} and {key}: {error}. Check both files."
        ) from error


def _no_password() -> str:
    raise ValueError("the key asks for a password")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
