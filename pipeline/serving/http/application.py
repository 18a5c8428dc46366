"""The ASGI application: handles, logs and counts every request."""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.serving.access_log import AccessLog
from pipeline.serving.bearer_token import BearerToken
from pipeline.serving.errors import ServingError, too_many
from pipeline.serving.http.bodies import BodyReader, ClientGone
from pipeline.serving.http.cross_origin import CrossOrigin
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.http.route_table import ROUTER
from pipeline.serving.http.routing import Route
from pipeline.serving.service import Service
from pipeline.serving.trace_context import trace_field

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)
_ID = re.compile(rb"[\w.:-]{1,100}", re.ASCII)
_TRACEPARENT = b"traceparent"
_NO_ROUTE = "none"
_UNKNOWN = ("", 0)  # the address of a client that has disconnected already


class Application:
    """The ASGI application that uvicorn runs."""

    def __init__(self, service: Service, access_log: AccessLog) -> None:
        self.service = service
        self._access_log = access_log
        self._body_reader = BodyReader(service)
        self._cross_origin = CrossOrigin(service.settings.allow_origins)
        self._token = BearerToken(service.settings.token)
        prefix = secrets.token_hex(6)
        self._ids = (b"%s-%x" % (prefix.encode(), number) for number in itertools.count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = self._request(scope)
        try:
            route, response = await self._respond(request, receive)
        except ClientGone:  # there is no connection to respond on
            return
        finally:
            self.service.release_memory(request.reserved_bytes)
        await self._send(request, response, send)
        self._access_log.log_request(
            route.path if route else _NO_ROUTE,
            request.version,
            int(response.status),
            request.began,
            self._record(request, response, scope) if self._access_log.writes else {},
        )

    def _request(self, scope: Scope) -> Request:
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        identity = given if given and _ID.fullmatch(given) else next(self._ids)
        return Request(
            method=scope["method"],
            path=scope["path"],
            headers=headers,
            id=identity.decode(),
            began=time.perf_counter(),
            deadline=self.service.deadline(),
            client=(scope["client"] or _UNKNOWN)[0],
            complete=not scope["state"]["connection"].receiving,
        )

    async def _respond(self, request: Request, receive: Receive) -> tuple[Route | None, Response]:
        if preflight := self._cross_origin.preflight(request):  # which carries no token
            return None, preflight
        route = None
        try:
            route, request.parameters = ROUTER.match(request.method, request.path)
            self._require_token(request, route)
            self._require_capacity(route)
            request.body = await self._body_reader.read(request, receive)
            if not request.complete:  # others have come in the meantime
                self._require_capacity(route)
            return route, await route.handler(self.service, request)
        except ServingError as problem:
            response = as_json({"error": str(problem)}, problem.status)
            response.headers += problem.headers
            # Otherwise an error that one of the frames refers to is left to the garbage collector.
            problem.__traceback__ = problem.__context__ = None
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001  (a bug is logged, never shown to clients)
            _log.exception("unhandled error in a request", extra={"request_id": request.id})
            sentence = f"Internal server error; see request id {request.id} in the server log."
            response = as_json({"error": sentence}, 500)
        return route, response

    def _require_token(self, request: Request, route: Route) -> None:
        if not route.open:
            given = request.headers.get(b"authorization", b"")
            self._token.require(given, "Send the header 'Authorization: Bearer TOKEN'.")

    def _require_capacity(self, route: Route) -> None:
        limit = self.service.settings.limits.requests
        if (
            self.service.requests_in_progress > limit and not route.open
        ):  # a busy server answers probes
            raise too_many("requests are handled at a time", limit)

    async def _send(self, request: Request, response: Response, send: Send) -> None:
        body = response.body
        headers = [
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request.id.encode()),
            (b"x-content-type-options", b"nosniff"),
            *self._cross_origin.headers(request),
            *response.headers,
        ]
        if request.chosen is not None and request.version is not None:
            headers.append((b"x-model-version", request.version.text.encode()))
        if request.spans:
            headers.append((b"server-timing", _server_timing(request.spans)))
        start = {"type": "http.response.start", "status": int(response.status), "headers": headers}
        self.service.waiting_for_clients += 1
        try:
            await send(start)
            await send({"type": "http.response.body", "body": body})
        finally:
            self.service.waiting_for_clients -= 1

    def _record(self, request: Request, response: Response, scope: Scope) -> dict[str, Any]:
        """Return what the access log says about a request."""
        return {
            "request_id": request.id,
            "client": request.client or None,
            "method": request.method,
            "path": scope["raw_path"].decode("ascii"),  # "%0A" must not end a line
            **({"label": request.chosen.label} if request.chosen else {}),
            "bytes_in": len(request.body),
            "bytes_out": len(response.body),
            **_trace_field(request, scope),
        }


def _trace_field(request: Request, scope: Scope) -> dict[str, str]:
    if _TRACEPARENT not in request.headers:
        return {}
    return trace_field([value for name, value in scope["headers"] if name == _TRACEPARENT])


def _server_timing(spans: dict[str, float]) -> bytes:
    """Return ``parse;dur=0.03, infer;dur=0.05``: milliseconds by step."""
    return ", ".join(
        [f"{name};dur={seconds * 1000:.3f}" for name, seconds in spans.items()]
    ).encode()
