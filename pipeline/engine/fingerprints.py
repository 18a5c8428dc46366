"""What a stage depends on: configuration, inputs, the code it runs, the packages it uses."""

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_PACKAGE_ROOT = Path(__file__).parent.parent


def fingerprint(ingredients: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for these ingredients."""
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each distribution; importing none of them."""
    return {name: _version(name) for name in names}


def code_hashes(roots: tuple[str, ...], *, package: Path = _PACKAGE_ROOT) -> dict[str, str]:
    """Return the SHA-256 of the modules named and of all of the package that they import.

    A root that is a package stands for all modules in it. Imports for type checking alone
    (``if TYPE_CHECKING:``) change no behaviour and do not count.
    """
    found: dict[str, Path] = {}
    waiting = [module for root in roots for module in _expand(root, package)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = _module_path(name, package)
        if path is None:
            continue
        found[name] = path
        waiting.extend(_imports(path, package))
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def file_hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of files that are no modules of the package, by their names."""
    return {name: _file_hash(path) for name, path in paths.items()}


def presentation(definition: T) -> T:
    """Mark a function or class that only decides how something is shown to people."""
    return definition


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "not found"


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _expand(root: str, package: Path) -> list[str]:
    folder = package.joinpath(*root.split(".")[1:])
    inside = [f"{root}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]
    return [root, *inside]


def _module_path(name: str, package: Path) -> Path | None:
    base = package.joinpath(*name.split(".")[1:])
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _imports(path: Path, package: Path) -> Iterator[str]:
    prefix = package.name
    for node in _running_code(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{prefix}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == prefix:
            module = node.module or prefix
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def _running_code(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield node
        yield from _running_code(node)
