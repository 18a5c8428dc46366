"""The page to draw on: its files, as they are, under a strict Content-Security-Policy."""

from functools import cache
from importlib import resources

from pipeline.serving.errors import unknown
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
    """Answer the page, or that the server lives to a client of KServe's V1, which asks here."""
    del service
    if "text/html" in (request.header(b"accept") or ""):
        return _answer("index.html")
    return as_json({"status": "alive"})


async def file(service: Service, request: Request) -> Response:
    """Answer one of its files."""
    del service
    return _answer(request.parameters["file"] or "")


def _answer(name: str) -> Response:
    found = files().get(name)
    if found is None:
        raise unknown(f"No such file of the page: {name!r}. It has {', '.join(sorted(files()))}.")
    ending = name[name.rindex(".") :]
    return Response(found, content_type=TYPES[ending], headers=list(_HEADERS))


@cache
def files() -> dict[str, bytes]:
    """Return the bytes of all files by name; a name that a client sends is never made a path."""
    folder = resources.files("pipeline.serving") / "page"
    names = (file.name for file in folder.iterdir())
    return {name: (folder / name).read_bytes() for name in names if name.endswith(tuple(TYPES))}
