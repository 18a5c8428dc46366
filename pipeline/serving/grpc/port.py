"""The gRPC port of a worker: the services of both protocols on the same models."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from pipeline.errors import MachineError
from pipeline.serving.access_log import AccessLog
from pipeline.serving.bearer_token import BearerToken
from pipeline.serving.errors import ServingError, bad_request, too_many
from pipeline.serving.grpc.arrivals import Arrivals
from pipeline.serving.grpc.context import Context
from pipeline.serving.grpc.handlers import HANDLERS, read
from pipeline.serving.grpc.messages import METHODS, SERVICES
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings
from pipeline.serving.trace_context import trace_field

_log = logging.getLogger(__name__)
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_GRPC_LOGGER = "grpc._cython.cygrpc"
_CLIENT_GONE = 499  # as proxies log it
_REFUSING_SECONDS = 0.2
# gRPC does not close the slowest connection, so every connection is replaced after a while: clients
# get GOAWAY and connect again, without failed calls.
_MAX_AGE_SECONDS = 300
_OPEN = {"ServerLive", "ServerReady"}  # probes need no token


class GrpcPort:
    """The gRPC server of a worker, started and stopped with it."""

    def __init__(self, service: Service, access_log: AccessLog) -> None:
        limits = service.settings.limits
        self._service, self._access_log = service, access_log
        logging.getLogger(_GRPC_LOGGER).addFilter(_is_not_client_gone)
        self._server = grpc.aio.server(options=_options(limits))
        self._token = BearerToken(service.settings.token)
        self._arrivals = Arrivals(service)
        for service_name in SERVICES:
            methods = {
                name: _method(name, self._handle)
                for name, method in METHODS.items()
                if method.service == service_name
            }
            handler = grpc.method_handlers_generic_handler(service_name, methods)
            self._server.add_generic_rpc_handlers((handler,))

    async def start(self) -> None:
        """Open the port.

        Raises:
            MachineError: the port cannot be opened.
        """
        settings = self._service.settings
        address = settings.grpc_address
        assert address
        try:
            bound = (
                self._server.add_secure_port(address, _credentials(settings))
                if settings.certificate
                else self._server.add_insecure_port(address)
            )
        except RuntimeError as error:
            raise MachineError(
                f"Cannot open the gRPC port {address}: {error}. Choose another port "
                "(--grpc-port) or none (--no-grpc)."
            ) from error
        assert bound == settings.grpc_port
        await self._server.start()

    async def stop(self) -> None:
        """Reject new calls, complete those in progress, then close.

        gRPC would cancel calls that arrive while it closes, and clients do not retry canceled calls
        elsewhere; so for a moment they get UNAVAILABLE instead.
        """
        await asyncio.sleep(_REFUSING_SECONDS)
        await self._server.stop(self._service.settings.limits.shutdown_seconds)

    async def _handle(self, name: str, context: Any) -> Any:
        """Handle one call, whose message has not arrived yet; it is counted like a request.

        Errors are set, not raised (``context.abort``): gRPC holds on to exceptions, and so to
        everything in their frames, until the garbage collector runs.
        """
        began, status = time.perf_counter(), 200
        call = Context(self._service, began, began + _seconds_left(context))
        path = f"/{METHODS[name].service}/{name}"
        metadata = context.invocation_metadata() or ()
        traces = [value for key, value in metadata if key == "traceparent"]
        record = {"client": context.peer(), "method": "gRPC", "path": path, **trace_field(traces)}
        call.trace_id = record.get("trace_id")
        self._service.grpc_calls += 1
        try:
            self._require_token(name, context)
            raw = await self._arrivals.receive(context)
            if raw is grpc.aio.EOF:
                raise bad_request("A call must contain one message; got none.")
            self._require_allowed(name)
            return await self._respond(name, raw, call)
        except asyncio.CancelledError:  # the client's deadline passed, or it disconnected
            status = _CLIENT_GONE
            raise
        except ServingError as problem:
            status = int(problem.status)
            code, sentence = _CODES.get(status, grpc.StatusCode.UNKNOWN), str(problem)
        except Exception:  # noqa: BLE001  (a bug is logged, never shown to clients)
            status = 500
            _log.exception("unhandled error in a gRPC call")
            code, sentence = grpc.StatusCode.INTERNAL, "Internal server error; see the server log."
        finally:
            self._service.grpc_calls -= 1
            if call.chosen is not None:
                record["label"] = call.chosen.label
            self._access_log.log_request(f"grpc {name}", call.version, status, began, record)
        context.set_code(code)
        context.set_details(sentence)
        return METHODS[name].response()

    async def _respond(self, name: str, raw: bytes, call: Context) -> Any:
        """Return the response; the request's bytes are counted until it is ready."""
        size = len(raw)
        self._service.reserve_memory(size)
        call.reserved_bytes = size
        try:
            request = await self._service.read(size, read, call, name, raw)
            return await HANDLERS[name](call, request)
        finally:
            self._service.release_memory(call.reserved_bytes)

    def _require_token(self, name: str, context: Any) -> None:
        if name in _OPEN:
            return
        given = dict(context.invocation_metadata() or ()).get("authorization", "")
        given = given.encode() if isinstance(given, str) else given
        self._token.require(given, "Send the metadata 'authorization: Bearer TOKEN'.")

    def _require_allowed(self, name: str) -> None:
        if name in _OPEN:
            return
        if self._service.shutting_down.is_set():
            sentence = "The server is shutting down. Try again, or use another server."
            raise ServingError(503, sentence)
        limit = self._service.settings.limits.requests
        if self._service.requests_in_progress > limit:
            raise too_many("requests are handled at a time", limit)


def _options(limits: Limits) -> list[tuple[str, int]]:
    grace_seconds = limits.receive_seconds + limits.answer_seconds
    return [
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.so_reuseport", 1),
        ("grpc.max_concurrent_streams", limits.requests),
        ("grpc.server_handshake_timeout_ms", int(limits.receive_seconds * 1000)),
        ("grpc.max_connection_idle_ms", limits.keep_alive_seconds * 1000),
        ("grpc.max_connection_age_ms", int(_MAX_AGE_SECONDS * 1000)),
        ("grpc.max_connection_age_grace_ms", int(grace_seconds * 1000)),
    ]


def _is_not_client_gone(record: logging.LogRecord) -> bool:
    """Return whether a record is of something else than a client that left before its response."""
    error = record.exc_info and record.exc_info[0]
    return error is None or error.__name__ != "ExecuteBatchError"  # the class is private


def _method(name: str, handle: Callable[[str, Any], Awaitable[Any]]) -> Any:
    """Return the handler of a unary method.

    For gRPC, the requests are a stream: of those, handlers are called before the first message has
    arrived, and can limit its time. To clients, there is no difference.
    """

    async def call(_messages: Any, context: Any) -> Any:
        return await handle(name, context)

    return grpc.stream_unary_rpc_method_handler(
        call,
        request_deserializer=None,  # the bytes are checked before they are parsed
        response_serializer=METHODS[name].response.SerializeToString,
    )


def _seconds_left(context: Any) -> float:
    left = context.time_remaining()
    return float("inf") if left is None else float(left)


def _credentials(settings: Settings) -> Any:
    assert settings.key
    assert settings.certificate
    pair = (settings.key.read_bytes(), settings.certificate.read_bytes())
    return grpc.ssl_server_credentials([pair])
