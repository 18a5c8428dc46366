"""The requests that handlers receive and the responses that they return."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.serving.trace_context import read_trace_id
from pipeline.serving.traffic.choice import Chosen
from pipeline.serving.versions import Version

JSON = b"application/json"


@dataclass(slots=True)
class Request:
    """A request with its body; ``began`` and ``deadline`` are seconds of ``perf_counter``.

    ``complete`` tells whether the whole body has arrived. ``spans`` are seconds by step, for the
    ``Server-Timing`` header; ``version`` is set once known, and ``chosen`` only by splits, copies
    and the sample log.
    """

    method: str
    path: str
    headers: dict[bytes, bytes]
    id: str
    began: float
    deadline: float
    client: str
    complete: bool
    body: bytes = b""
    reserved_bytes: int = 0
    parameters: dict[str, str | None] = field(default_factory=dict)
    spans: dict[str, float] = field(default_factory=dict)
    version: Version | None = None
    chosen: Chosen | None = None

    @property
    def trace_id(self) -> str | None:
        """The trace that the request belongs to."""
        given = self.headers.get(b"traceparent")
        return None if given is None else read_trace_id(given)

    def header(self, name: bytes) -> str | None:
        """Return a header's value as text; names are lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(slots=True)
class Response:
    """A response to send."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def as_json(document: Any, status: int = 200) -> Response:
    """Return a JSON response; NumPy arrays become lists, float32 with its shortest digits."""
    return Response(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), status)
