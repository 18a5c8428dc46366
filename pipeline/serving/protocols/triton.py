"""Triton's extensions of the V2 protocol over HTTP: configuration, statistics, model repository.

Source: Triton, ``extension_model_configuration.md``, ``extension_statistics.md`` and
``extension_model_repository.md``.
"""

from typing import Any

from pipeline.serving.errors import bad_request
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.json_objects import json_type, read_object
from pipeline.serving.protocols import v2_repository
from pipeline.serving.protocols.paths import find_version
from pipeline.serving.protocols.v2_config import describe_config
from pipeline.serving.protocols.v2_statistics import describe_statistics
from pipeline.serving.service import Service


async def config(service: Service, request: Request) -> Response:
    """Return the configuration of a version: its tensors and how it is batched."""
    version = request.version = find_version(service, request)
    return as_json(describe_config(service, version))


async def statistics(service: Service, request: Request) -> Response:
    """Return counts and times of the inference requests for each version of a model."""
    parameters = request.parameters
    return as_json(describe_statistics(service, parameters["name"], parameters["version"]))


async def all_statistics(service: Service, request: Request) -> Response:
    """Return counts and times of the inference requests for each version of each model."""
    del request
    return as_json(describe_statistics(service))


async def index(service: Service, request: Request) -> Response:
    """Return every version of every model with its state."""
    ready = (await _body(service, request)).get("ready") is True
    return as_json(v2_repository.repository_index(service, ready=ready))


async def load(service: Service, request: Request) -> Response:
    """Look for new versions of a model now, also of one that was unloaded."""
    name = request.parameters["name"] or ""
    await v2_repository.load(service, name, await _parameters(service, request))
    return as_json({})


async def unload(service: Service, request: Request) -> Response:
    """Refuse requests for a model until it is loaded again."""
    name = request.parameters["name"] or ""
    await v2_repository.unload(service, name, await _parameters(service, request))
    return as_json({})


async def _parameters(service: Service, request: Request) -> dict[str, Any]:
    found = (await _body(service, request)).get("parameters")
    if found is not None and type(found) is not dict:
        raise bad_request(f"parameters must be an object; got {json_type(found)} in the body.")
    return found or {}


async def _body(service: Service, request: Request) -> dict[str, Any]:
    body, limits = request.body, service.settings.limits
    if not body:
        return {}
    return await service.read(len(body), read_object, limits, body, _same)


def _same(document: dict[str, Any]) -> dict[str, Any]:
    return document
