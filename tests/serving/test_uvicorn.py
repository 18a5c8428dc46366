"""The members of uvicorn that we override or read exist, and all of them are listed."""

import ast
import asyncio
import inspect
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from pipeline.serving.http import connections, server
from pipeline.serving.http import uvicorn_overrides as listed
from tests.support.package_imports import imports, modules
from tests.support.paths import PROJECT

OURS = {
    server.Server: (listed.SERVER_OVERRIDES, listed.SERVER_ATTRIBUTES),
    connections.Connection: (listed.PROTOCOL_OVERRIDES, listed.PROTOCOL_ATTRIBUTES),
}


def of_uvicorn(ours: type) -> Any:
    """Return an instance of the class that ours extends; servers are started."""
    config = listed.Config(app=lambda *_: None, lifespan="off", log_config=None)
    config.load()
    if ours is server.Server:
        started = listed.Server(config)
        started.lifespan = config.lifespan_class(config)
        asyncio.run(started.startup(sockets=[]))
        return started
    loop = asyncio.new_event_loop()
    loop.close()
    return listed.HttpToolsProtocol(config, ServerState(), {}, loop)


@pytest.mark.parametrize("ours", OURS)
def test_overridden_methods_have_the_same_parameters(ours: type) -> None:
    overrides, _ = OURS[ours]
    for name, (parameters, _) in overrides.items():
        for class_ in (ours.__base__, ours):
            assert " ".join(inspect.signature(getattr(class_, name)).parameters) == parameters


@pytest.mark.parametrize("ours", OURS)
def test_all_overridden_methods_are_listed(ours: type) -> None:
    overrides, _ = OURS[ours]
    assert ours.__base__
    both = vars(ours).keys() & vars(ours.__base__).keys()
    assert sorted(name for name in both if not name.startswith("__")) == sorted(overrides)


@pytest.mark.parametrize("ours", OURS)
def test_all_attributes_used_exist_and_are_listed(ours: type) -> None:
    _, attributes = OURS[ours]
    used = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(ours)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    assert sorted(used & vars(of_uvicorn(ours)).keys()) == sorted(attributes)


def test_members_of_these_attributes_exist() -> None:
    config = of_uvicorn(server.Server).config
    assert {"backlog", "timeout_graceful_shutdown"} <= vars(config).keys()
    assert config.ssl is None
    assert {"connections", "tasks"} <= vars(ServerState()).keys()
    nothing: Any = dict.fromkeys(inspect.signature(RequestResponseCycle).parameters)
    assert {"keep_alive", "response_complete"} <= vars(RequestResponseCycle(**nothing)).keys()
    assert listed.STATUS_LINE[429] == b"HTTP/1.1 429 Too Many Requests\r\n"


def test_no_other_module_imports_uvicorn() -> None:
    found = [module for module in modules() if any(map(is_uvicorn, imports(module)))]
    assert found == ["serving.http.uvicorn_overrides"]


def is_uvicorn(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "uvicorn"


def test_only_the_installed_minor_version_is_allowed() -> None:
    document = tomllib.loads(Path(PROJECT / "pyproject.toml").read_text())
    [found] = filter(is_requirement, document["project"]["dependencies"])
    major, minor, *_ = map(int, metadata.version("uvicorn").split("."))
    assert found == f"uvicorn>={major}.{minor},<{major}.{minor + 1}"


def is_requirement(text: str) -> bool:
    return re.match(r"uvicorn\b", text) is not None
