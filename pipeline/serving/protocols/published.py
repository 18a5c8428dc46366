"""What people want to see of a version: its report, its model card, and example pictures."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from pipeline.errors import ModelError
from pipeline.serving.errors import ServingError, deadline_exceeded, not_found
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.protocols.paths import find_version
from pipeline.serving.protocols.pictures import png_text
from pipeline.serving.service import Service

T = TypeVar("T")

# Reports are pages without scripts; sandboxed, they have no access to this server either.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-popups"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]
TYPES = {"html": b"text/html; charset=utf-8", "md": b"text/plain; charset=utf-8"}


async def document(service: Service, request: Request) -> Response:
    """Return the report (report.html) or the model card (README.md) of a version."""
    version = request.version = find_version(service, request)
    name = request.parameters["document"] or ""
    if name not in version.files.documents:
        raise not_found(f"{version.model} version {version.text} has no {name}.")
    body = await _in_thread(request, lambda: version.files.read(name))
    return Response(body, content_type=TYPES[name.rpartition(".")[2]], headers=list(_HEADERS))


async def examples(service: Service, request: Request) -> Response:
    """Return a few images of the test set as PNG files in base64, to try the model with."""
    version = request.version = find_version(service, request)
    found = await _in_thread(request, lambda: [*map(png_text, version.files.examples)])
    return as_json({"examples": [{"b64": text} for text in found]})


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "published files")


async def _in_thread(request: Request, read: Callable[[], T]) -> T:
    """Read files in a thread: the file system may not respond."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(request.deadline - time.perf_counter()):
            return await loop.run_in_executor(_thread(), read)
    except TimeoutError:
        raise deadline_exceeded() from None
    except (ModelError, OSError) as error:
        assert request.version
        named = f"{request.version.model} version {request.version.text}"
        raise ServingError(503, f"The file of {named} cannot be sent: {error}") from error
