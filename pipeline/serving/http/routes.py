"""Which handler answers which path."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.serving.errors import ServingError, unknown
from pipeline.serving.http.messages import Request, Response
from pipeline.serving.protocols import documents, inference_v2, page, pictures, tensorflow
from pipeline.serving.service import Service

Handler = Callable[[Service, Request], Awaitable[Response]]

_PARTS = {
    "{name}": "(?P<name>[^/:]{1,100})",
    "{version}": "(?P<version>[0-9]{1,9})",
    "{label}": "(?P<label>[^/:]{1,100})",
    "{file}": r"(?P<file>[\w.]{1,100})",
    "{verb}": "(?P<verb>classify|regress)",
}
_VERSIONS = ("", "/versions/{version}")
_VERSIONS_AND_LABELS = (*_VERSIONS, "/labels/{label}")


@dataclass(frozen=True)
class Route:
    """A method and a path; ``open`` to all, for probes and the page that asks for the token."""

    method: str
    path: str
    handler: Handler
    open: bool = False
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = re.escape(self.path).replace(r"\{", "{").replace(r"\}", "}")
        for part, pattern in _PARTS.items():
            text = text.replace(part, pattern)
        object.__setattr__(self, "pattern", re.compile(text, re.IGNORECASE | re.ASCII))


def _routes() -> Iterator[Route]:
    for where in _VERSIONS_AND_LABELS:
        model = "/v1/models/{name}" + where
        yield Route("POST", f"{model}:predict", tensorflow.predict)
        yield Route("POST", f"{model}:classify-image", pictures.classify_image)
        yield Route("POST", f"{model}:{{verb}}", tensorflow.other_verb)
        yield Route("GET", f"{model}/metadata", tensorflow.metadata)
        yield Route("GET", model, tensorflow.status)
    yield Route("GET", "/v1/models", tensorflow.models)
    for where in _VERSIONS:
        model = "/v2/models/{name}" + where
        yield Route("POST", f"{model}/infer", inference_v2.infer)
        yield Route("GET", f"{model}/ready", inference_v2.model_ready)
        yield Route("GET", model, inference_v2.model_metadata)
    yield Route("GET", "/v2/models", tensorflow.models)
    yield Route("POST", "/v2/repository/index", inference_v2.index)
    yield Route("GET", "/v2/health/live", inference_v2.live, open=True)
    yield Route("GET", "/v2/health/ready", inference_v2.ready, open=True)
    yield Route("GET", "/v2", inference_v2.server_metadata)
    yield Route("GET", "/metrics", documents.metrics)
    yield Route("GET", "/monitoring/prometheus/metrics", documents.metrics)
    yield Route("GET", "/openapi.json", documents.openapi)
    yield Route("GET", "/", page.index, open=True)
    yield Route("GET", "/page/{file}", page.file, open=True)


ROUTES = tuple(_routes())


@lru_cache(4096)
def match(method: str, path: str) -> tuple[Route, dict[str, str | None]]:
    """Return the route of a path, and what its parts are called; HEAD is a GET.

    Raises:
        ServingError: (404) there is no such path; (405) it takes another method.
    """
    found = [(r, m) for r in ROUTES if (m := r.pattern.fullmatch(path))]
    wanted = "GET" if method == "HEAD" else method
    for route, matched in found:
        if route.method == wanted:
            return route, {"version": None, "label": None, **matched.groupdict()}
    if not found:
        raise unknown(f"No such path: {path[:100]!r}. All are listed in /openapi.json.")
    allowed = ", ".join(sorted({route.method for route, _ in found}))
    raise ServingError(405, f"{path[:100]} takes {allowed}; got {method[:20]}.", allow=allowed)
