"""The modules of the package and what they import."""

import ast
from functools import cache
from pathlib import Path

from tests.support.paths import PROJECT

PACKAGE = PROJECT / "pipeline"


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix("__init__").removesuffix(".")] = path
    return {name: path for name, path in found.items() if name}


@cache
def imports(module: str) -> frozenset[str]:
    """All imports, including those inside functions and for type checking."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = {name for name in inside if name.removeprefix("pipeline.") in modules()}
            names |= submodules or {node.module}
    return frozenset(names)
