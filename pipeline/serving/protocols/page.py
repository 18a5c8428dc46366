"""The files of the drawing page, served with a strict Content-Security-Policy."""

from functools import cache
from importlib import resources

from pipeline.serving.errors import not_found
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.service import Service

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"accept"),
]
TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


async def index(service: Service, request: Request) -> Response:
    """Return the drawing page, or the status "alive" to KServe V1 clients."""
    del service
    if "text/html" in (request.header(b"accept") or ""):
        return _response("index.html")
    return as_json({"status": "alive"})


async def file(service: Service, request: Request) -> Response:
    """Return a file of the drawing page."""
    del service
    return _response(request.parameters["file"] or "")


def _response(name: str) -> Response:
    found = files().get(name)
    if found is None:
        known = ", ".join(sorted(files()))
        raise not_found(f"No such file of the drawing page: {name!r}. The files are {known}.")
    ending = name[name.rindex(".") :]
    return Response(found, content_type=TYPES[ending], headers=list(_HEADERS))


@cache
def files() -> dict[str, bytes]:
    """Return the bytes of all files by name, so that names from clients never become paths."""
    folder = resources.files("pipeline.serving") / "page"
    names = (file.name for file in folder.iterdir())
    return {name: (folder / name).read_bytes() for name in names if name.endswith(tuple(TYPES))}
