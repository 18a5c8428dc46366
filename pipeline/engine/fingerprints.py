"""Fingerprints: hashes of a stage's configuration, inputs, code and package versions.

Code is hashed by its meaning: its syntax tree without comments, layout, docstrings, code that only
type checkers read, and definitions marked ``@presentation``.
"""

import ast
import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pipeline.system.packages import installed_version

_version = cache(installed_version)
_PACKAGE_ROOT = Path(__file__).parent.parent
_STATEMENTS = {"body", "orelse", "finalbody"}
_IMPLIED = {"ctx", "kind"}  # follows from the position; whether a string is written u"..."

_Definition = TypeVar("_Definition")


def presentation(definition: _Definition) -> _Definition:
    """Mark a definition that only shows something to people: no stage's output depends on it."""
    return definition


def fingerprint(ingredients: dict[str, Any]) -> str:
    """Return the fingerprint of ingredients: 16 hexadecimal digits."""
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each distribution, without importing any."""
    return {name: _version(name) or "not installed" for name in names}


def code_hashes(roots: tuple[str, ...], *, package: Path = _PACKAGE_ROOT) -> dict[str, str]:
    """Return the SHA-256 of the code of modules and of all modules of the package they import.

    A root that is a package includes all its modules. Hashes are the same on all Python versions.
    """
    # This process runs the code that it has loaded, whatever happens to the files.
    return dict(_own_hashes(roots) if package == _PACKAGE_ROOT else _hashes(roots, package))


@cache
def _own_hashes(roots: tuple[str, ...]) -> dict[str, str]:
    return _hashes(roots, _PACKAGE_ROOT)


def _hashes(roots: tuple[str, ...], package: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = [module for root in roots for module in _expand(root, package)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = _module_path(name, package)
        if path is None:
            continue
        code = _code(path.read_bytes())
        found[name] = code.digest
        waiting.extend(_imported(code.imports, package.name))
    return found


def file_hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of files outside the package, by name.

    Python files are hashed by their meaning, all others by their bytes.
    """
    return {name: _file_hash(path) for name, path in paths.items()}


def _file_hash(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError:
        return "not found"
    return _code(content).digest if path.suffix == ".py" else hashlib.sha256(content).hexdigest()


def _expand(root: str, package: Path) -> list[str]:
    folder = package.joinpath(*root.split(".")[1:])
    inside = [f"{root}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]
    return [root, *inside]


def _module_path(name: str, package: Path) -> Path | None:
    base = package.joinpath(*name.split(".")[1:])
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _imported(imports: Iterable[ast.stmt], prefix: str) -> Iterator[str]:
    for node in imports:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{prefix}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == prefix:
            module = node.module or prefix
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


class _Code(NamedTuple):
    """The hash of a source file's meaning, and all its imports, nested ones included."""

    digest: str
    imports: tuple[ast.stmt, ...]


@cache
def _code(source: bytes) -> _Code:
    """Hash a source file by its meaning, or by its bytes if Python cannot parse it."""
    try:
        with warnings.catch_warnings():  # they are shown when the file is run
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        steps = list(_walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Code(hashlib.sha256(source).hexdigest(), ())
    canonical = "\n".join(text for _, text in steps)
    imports = tuple(node for node, _ in steps if isinstance(node, ast.Import | ast.ImportFrom))
    return _Code(hashlib.sha256(canonical.encode()).hexdigest(), imports)


def _walk(tree: ast.Module) -> Iterator[tuple[Any, str]]:
    """Yield every node, list and value in the order of the source, with its canonical text.

    Empty fields are omitted, so that fields of newer Python versions make no difference. The text
    of a node names its fields and that of a list its length, so different trees differ in text.
    """
    marked = any(map(_imports_presentation, tree.body))
    waiting: list[Any] = [tree]  # not recursive: long expressions are deep trees
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.AST):
            fields = dict(_fields(item, marked))
            yield item, f"{type(item).__name__}({','.join(fields)})"
            waiting.extend(reversed(fields.values()))
        elif isinstance(item, list):
            yield item, f"[{len(item)}]"
            waiting.extend(reversed(item))
        else:
            yield item, ascii(item)  # 1, 1.0, True and "1" differ; repr() depends on the version


def _fields(node: ast.AST, marked: bool) -> Iterator[tuple[str, Any]]:
    for name, value in ast.iter_fields(node):
        content = value
        if name in _STATEMENTS and isinstance(value, list):
            content = list(_effective(value, marked))
        elif isinstance(node, ast.JoinedStr):  # Python 3.12 ends format specifications with ""
            content = [part for part in value if getattr(part, "value", None) != ""]
        if name not in _IMPLIED and content is not None and content != []:
            yield name, content


def _effective(statements: Iterable[ast.stmt], marked: bool) -> Iterator[ast.stmt]:
    """Skip what changes no output: docstrings, ``pass``, code for type checkers or people."""
    for statement in statements:
        if isinstance(statement, ast.If) and getattr(statement.test, "id", "") == "TYPE_CHECKING":
            yield from _effective(statement.orelse, marked)
        elif not (_does_nothing(statement) or (marked and _is_presentation(statement))):
            yield statement


def _does_nothing(node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def _is_presentation(node: ast.stmt) -> bool:
    """Return whether this is a marked definition, or an import of nothing but the mark."""
    if isinstance(node, ast.ImportFrom):
        return _imports_presentation(node) and len(node.names) == 1
    decorators = getattr(node, "decorator_list", [])
    return any(getattr(decorator, "id", "") == "presentation" for decorator in decorators)


def _imports_presentation(node: ast.stmt) -> bool:
    """Return whether this imports our ``presentation``, not another decorator of that name."""
    if not isinstance(node, ast.ImportFrom) or node.module != __name__:
        return False
    return any(alias.name == "presentation" and alias.asname is None for alias in node.names)
