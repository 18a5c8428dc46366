"""The server's settings: models, ports, authentication, TLS, and limits."""

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from pipeline.errors import RequestError
from pipeline.serving.bearer_token import TOKEN_VARIABLE
from pipeline.serving.model_folder import ModelFolder
from pipeline.serving.traffic.options import TrafficOptions

MODEL_PORT = 8501  # TensorFlow Serving's REST port; its gRPC port is 8500

DRIFT_WINDOW = 2000  # answers; see docs/serving.md for what the size decides


@dataclass(frozen=True)
class Limits:
    """The limits of one worker; sizes in bytes, times in seconds."""

    body_bytes: int = 16 * 2**20
    json_bytes: int = 4 * 2**20  # nested lists take twenty times as much memory as their text
    head_bytes: int = 64 * 2**10
    in_flight_bytes: int = 128 * 2**20  # of all requests in progress
    requests: int = 256  # in progress, their bodies complete
    uploads: int = 512  # on each port, requests whose bodies or messages are arriving
    client_uploads: int = 256  # from one client address; 0: no limit, for use behind a proxy
    batch_images: int = 64  # per batch of several requests; 1 turns batching off
    connections: int = 1024
    model_bytes: int = 4 * 2**30  # of the files of one version
    receive_seconds: float = 10  # for a client to send a request
    answer_seconds: float = 10  # for a request to wait for inference
    load_seconds: float = 10  # to look at a model's folder, or to load a version
    keep_alive_seconds: int = 60
    drain_seconds: float = 1  # on SIGTERM, from "not ready" to closing the port
    shutdown_seconds: int = 30


class ServeOptions(TypedDict, total=False):
    """The fields of ``Settings`` that ``pipeline.api.serve`` passes on unchanged."""

    host: str
    port: int
    grpc_port: int | None
    workers: int
    certificate: Path | None
    key: Path | None
    traffic: TrafficOptions
    access_log: bool
    allow_origins: tuple[str, ...]
    public_key: Path | None
    drift_window: int
    limits: Limits


@dataclass(frozen=True)
class Settings:
    """The settings of ``pipeline serve``.

    ``traffic`` is what happens to predictions besides the answer: splits, copies, the sample log.
    ``folders`` are models or single versions; if empty, all models in ``exported`` are served.
    ``allow_origins`` are those of other pages that may use the server (CORS), or ``*``. With a
    ``public_key``, only versions that are signed with its private key are served. ``drift_window``
    is the number of answers that are compared with those to the test set.
    ``shared_folder`` is a scratch folder of several workers, and None for a single one.
    """

    exported: Path
    folders: tuple[ModelFolder, ...] = ()
    host: str = "127.0.0.1"
    port: int = MODEL_PORT
    grpc_port: int | None = MODEL_PORT - 1
    workers: int = 1
    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    traffic: TrafficOptions = field(default_factory=TrafficOptions)
    access_log: bool = True
    allow_origins: tuple[str, ...] = ()
    public_key: Path | None = None
    drift_window: int = DRIFT_WINDOW
    limits: Limits = Limits()
    shared_folder: Path | None = None

    @property
    def url(self) -> str:
        """The base URL of the HTTP port."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{address(self.host, self.port)}/"

    @property
    def grpc_address(self) -> str | None:
        """The address of the gRPC port, HOST:PORT."""
        return None if self.grpc_port is None else address(self.host, self.grpc_port)


def address(host: str, port: int) -> str:
    """Return HOST:PORT, with an IPv6 host in brackets."""
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def require_token_or_tls(settings: Settings, *, insecure: bool) -> None:
    """Require a token or TLS if other machines can reach the server.

    Raises:
        RequestError: there is neither, and ``insecure`` is not set.
    """
    if settings.token or settings.certificate or insecure or _is_loopback(settings.host):
        return
    raise RequestError(
        f"A server that other machines can reach must require a token or use TLS; got --host "
        f"{settings.host} with neither. Add --token-file FILE (or set {TOKEN_VARIABLE}), or "
        "--tls-certificate and --tls-key; behind a proxy that protects it, use --insecure."
    )


def require_certificate(certificate: Path | None, key: Path | None) -> None:
    """Check that the certificate and the key belong together and can be loaded.

    Raises:
        RequestError: one is missing, or they cannot be loaded.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise RequestError(
            "TLS requires both --tls-certificate and --tls-key; got only "
            f"{'--tls-key' if certificate is None else '--tls-certificate'}."
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _no_password)
    except (OSError, ValueError) as error:
        raise RequestError(
            "--tls-certificate and --tls-key must be matching PEM files, the key without a "
            f"password; got {certificate} and {key}: {error}."
        ) from error


def _no_password() -> str:
    raise ValueError("the key is encrypted with a password")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
