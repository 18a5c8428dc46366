"""The page to draw on: its files, as they are, under a strict Content-Security-Policy."""

from functools import cache
from importlib.resources import files

from pipeline.serving.http.messages import Request, Response
from pipeline.serving.problems import unknown
from pipeline.serving.service import Service

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


async def index(service: Service, request: Request) -> Response:
    """Answer the page."""
    del service, request
    return _answer("index.html")


async def file(service: Service, request: Request) -> Response:
    """Answer one of its files."""
    del service
    return _answer(request.parameters["file"] or "")


def _answer(name: str) -> Response:
    found = _page().get(name)
    if found is None:
        raise unknown(f"No such file of the page: {name!r}. It has {', '.join(sorted(_page()))}.")
    ending = name[name.rindex(".") :]
    return Response(found, content_type=_TYPES[ending], headers=list(_HEADERS))


@cache
def _page() -> dict[str, bytes]:
    """Return all files by name; a name that a client sends is never made a path."""
    folder = files("pipeline.serving") / "page"
    names = (file.name for file in folder.iterdir())
    return {name: (folder / name).read_bytes() for name in names if name.endswith(tuple(_TYPES))}
