"""Routes, and the router that finds the route of a request."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.serving.errors import ServingError, not_found
from pipeline.serving.http.messages import Request, Response
from pipeline.serving.service import Service

Handler = Callable[[Service, Request], Awaitable[Response]]

_PARTS = {
    "{name}": "(?P<name>[^/:]{1,100})",
    "{version}": "(?P<version>[0-9]{1,9})",
    "{label}": "(?P<label>[^/:]{1,100})",
    "{file}": r"(?P<file>[\w.]{1,100})",
    "{verb}": "(?P<verb>classify|regress)",
}


@dataclass(frozen=True)
class Route:
    """A method and a path; ``open`` needs no token, for probes and the page that asks for it."""

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


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self.match = lru_cache(4096)(self._match)

    def _match(self, method: str, path: str) -> tuple[Route, dict[str, str | None]]:
        """Return the route of a path and the path's parameters; HEAD is treated as GET.

        A trailing slash is ignored.

        Raises:
            ServingError: (404) unknown path; (405) the path does not allow the method.
        """
        found = self._with_path(path) or self._with_path(path.removesuffix("/"))
        wanted = "GET" if method == "HEAD" else method
        for route, matched in found:
            if route.method == wanted:
                return route, {"version": None, "label": None, **matched.groupdict()}
        if not found:
            raise not_found(f"No such path: {path[:100]!r}. /openapi.json lists all paths.")
        allowed = ", ".join(sorted({route.method for route, _ in found}))
        sentence = f"Method {method[:20]} is not allowed for {path[:100]}; use {allowed}."
        raise ServingError(405, sentence, allow=allowed)

    def _with_path(self, path: str) -> list[tuple[Route, re.Match[str]]]:
        return [(r, m) for r in self.routes if (m := r.pattern.fullmatch(path))]
