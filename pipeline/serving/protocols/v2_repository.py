"""Triton's model repository: its index, and loading and unloading models, for HTTP and gRPC."""

from collections.abc import Iterable

from pipeline.serving.errors import ServingError, bad_request
from pipeline.serving.model import STUCK
from pipeline.serving.service import Service

_IGNORED = {"unload_dependents"}  # no model depends on another
_MAX_NAME = 255  # bytes of a file name; a longer one would only be passed on to all workers


def repository_index(service: Service, *, ready: bool) -> list[dict[str, str]]:
    """Return name, version, state and reason of each version, or of each ready one."""
    rows = []
    for name, model in sorted(service.catalog.models.items()):
        if model.unloaded:
            rows.append(_row(name, "", "UNAVAILABLE", "unloaded"))
        for number in model.numbers:
            state = "READY" if number in model.ready else "UNAVAILABLE"
            state = "LOADING" if number in model.loading else state
            reason = STUCK if number in model.stuck else model.rejected.get(number, "")
            rows.append(_row(name, str(number), state, reason))
    return [row for row in rows if row["state"] == "READY" or not ready]


async def load(service: Service, name: str, parameters: Iterable[str]) -> None:
    """Look for versions of a model now, in all workers, also of one that was unloaded.

    Raises:
        ServingError: (403) the server has no token; (400) there are parameters; (404) there is no
            such model; (503) its default version is not ready; (504) a worker does not respond.
    """
    _require_permitted(service, parameters)
    if len(name) > _MAX_NAME:
        service.catalog.model(name)  # raises the error that fits
    assert service.repository
    await service.repository.change("load", name)
    service.find(name)  # raises the error that fits


async def unload(service: Service, name: str, parameters: Iterable[str]) -> None:
    """Refuse further requests for a model, in all workers, until it is loaded again.

    Raises:
        ServingError: (403) the server has no token; (400) there are parameters; (404) there is no
            such model; (504) a worker does not respond.
    """
    _require_permitted(service, parameters)
    service.catalog.model(name)
    assert service.repository
    await service.repository.change("unload", name)


def _require_permitted(service: Service, parameters: Iterable[str]) -> None:
    if not service.settings.token:
        raise ServingError(
            403,
            "Models can be loaded and unloaded only on a server that requires a token "
            "(--token-file); this one requires none. It looks for new versions every second.",
        )
    unknown = sorted(set(parameters) - _IGNORED)
    if unknown:
        raise bad_request(
            f"Models are served as they were published, without parameters; got {unknown!r:.80}. "
            "Publish a version instead (pipeline run)."
        )


def _row(name: str, version: str, state: str, reason: str) -> dict[str, str]:
    return {"name": name, "version": version, "state": state, "reason": reason}
