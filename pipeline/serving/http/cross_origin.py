"""Cross-origin requests: pages of allowed origins may use the server (the Fetch standard, CORS)."""

import re

from pipeline.errors import RequestError
from pipeline.serving.http.messages import Request, Response

ANY = "*"
# As browsers send it: in lower case, without the default port.
_ORIGIN = re.compile(
    r"(http(?!.*:80$)|https(?!.*:443$))://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?"
)
_REQUEST_HEADERS = (
    b"authorization, content-type, content-encoding, inference-header-content-length, "
    b"traceparent, x-request-id"
)
_RESPONSE_HEADERS = b"inference-header-content-length, server-timing, x-model-version, x-request-id"
_MAX_AGE_SECONDS = b"600"


def require_origins(origins: tuple[str, ...]) -> None:
    """Check that each is an origin as browsers send it, or ``*``.

    Raises:
        RequestError: one has a path or no scheme, for example.
    """
    for origin in origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise RequestError(
                "--allow-origin must be SCHEME://HOST[:PORT] in lower case, without a path or the "
                f"default port, such as https://example.org, or * for all; got {origin!r}."
            )


class CrossOrigin:
    """Which origins may read responses; without any, browsers keep them from all other pages."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, request: Request) -> list[tuple[bytes, bytes]]:
        """Return the headers that let the page of a request read the response."""
        if not self._origins:
            return []
        varies = [] if self._any else [(b"vary", b"origin")]  # for caches
        if not self._is_allowed(request):
            return varies
        origin = ANY.encode() if self._any else request.headers[b"origin"]
        return [
            *varies,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _RESPONSE_HEADERS),
        ]

    def preflight(self, request: Request) -> Response | None:
        """Return the response to a preflight request, which asks what a page may send."""
        wanted = request.headers.get(b"access-control-request-method")
        if request.method != "OPTIONS" or wanted is None or not self._is_allowed(request):
            return None
        headers = [
            (b"access-control-allow-methods", b"GET, HEAD, POST"),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _MAX_AGE_SECONDS),
        ]
        return Response(b"", 204, headers=headers)

    def _is_allowed(self, request: Request) -> bool:
        origin = request.headers.get(b"origin")
        return origin is not None and (self._any or origin in self._origins)
