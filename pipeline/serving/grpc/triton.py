"""Handlers for Triton's extensions of the V2 protocol, which behave as over HTTP."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pipeline.serving.grpc.context import Context, read_version
from pipeline.serving.grpc.messages import message
from pipeline.serving.protocols import v2_repository
from pipeline.serving.protocols.v2_config import describe_config
from pipeline.serving.protocols.v2_statistics import describe_statistics


async def _config(call: Context, request: Any) -> Any:
    version = call.find(request.name, request.version)
    return message("ModelConfigResponse")(config=describe_config(call.service, version))


async def _statistics(call: Context, request: Any) -> Any:
    version = read_version(request.version)
    found = describe_statistics(call.service, request.name, version)
    return message("ModelStatisticsResponse")(**found)


async def _index(call: Context, request: Any) -> Any:
    rows = v2_repository.repository_index(call.service, ready=request.ready)
    return message("RepositoryIndexResponse")(models=rows)


async def _load(call: Context, request: Any) -> Any:
    await v2_repository.load(call.service, request.model_name, request.parameters)
    return message("RepositoryModelLoadResponse")()


async def _unload(call: Context, request: Any) -> Any:
    await v2_repository.unload(call.service, request.model_name, request.parameters)
    return message("RepositoryModelUnloadResponse")()


TRITON: Mapping[str, Callable[[Context, Any], Awaitable[Any]]] = {
    "ModelConfig": _config,
    "ModelStatistics": _statistics,
    "RepositoryIndex": _index,
    "RepositoryModelLoad": _load,
    "RepositoryModelUnload": _unload,
}
