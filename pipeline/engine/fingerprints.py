"""What a stage depends on: configuration, inputs, the code it runs, the packages it uses.

Code counts by its meaning: the syntax tree without comments, layout and docstrings, without what
only type checkers read, and without definitions marked ``@presentation``.
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
_IMPLIED = {"ctx", "kind"}  # by where an expression stands; whether a string was written u"..."

_Definition = TypeVar("_Definition")


def presentation(definition: _Definition) -> _Definition:
    """Return the definition as it is: it shows something to people, no stage's output needs it."""
    return definition


def fingerprint(ingredients: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for these ingredients."""
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each distribution; importing none of them."""
    return {name: _version(name) or "not installed" for name in names}


def code_hashes(roots: tuple[str, ...], *, package: Path = _PACKAGE_ROOT) -> dict[str, str]:
    """Return the SHA-256 of what the modules named mean, and all of the package they import.

    A root that is a package stands for all modules in it. The same on every version of Python.
    """
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
    """Return the SHA-256 of files that are no modules of the package, by their names.

    Python files count by their meaning, all others by their bytes.
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
    """What a source file means, and its imports, wherever they stand."""

    digest: str
    imports: tuple[ast.stmt, ...]


@cache
def _code(source: bytes) -> _Code:
    """Read a source file by its meaning; one that Python cannot read, by its bytes."""
    try:
        with warnings.catch_warnings():  # whoever runs the file sees them
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        steps = list(_walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Code(hashlib.sha256(source).hexdigest(), ())
    canonical = "\n".join(written for _, written in steps)
    imports = tuple(node for node, _ in steps if isinstance(node, ast.Import | ast.ImportFrom))
    return _Code(hashlib.sha256(canonical.encode()).hexdigest(), imports)


def _walk(tree: ast.Module) -> Iterator[tuple[Any, str]]:
    """Yield every node, list and value in the order of the source, and how it is written down.

    Empty fields are left out, so those that only some versions of Python know do not count. A
    node names its fields and a list its length, so no two trees are written the same.
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
        kept = value
        if name in _STATEMENTS and isinstance(value, list):
            kept = list(_effective(value, marked))
        elif isinstance(node, ast.JoinedStr):  # Python 3.12 ends format specifications with ""
            kept = [part for part in value if getattr(part, "value", None) != ""]
        if name not in _IMPLIED and kept is not None and kept != []:
            yield name, kept


def _effective(statements: Iterable[ast.stmt], marked: bool) -> Iterator[ast.stmt]:
    """Leave out what changes no output: docstrings, ``pass``, code for type checkers or people."""
    for statement in statements:
        if isinstance(statement, ast.If) and getattr(statement.test, "id", "") == "TYPE_CHECKING":
            yield from _effective(statement.orelse, marked)
        elif not (_does_nothing(statement) or (marked and _is_presentation(statement))):
            yield statement


def _does_nothing(node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def _is_presentation(node: ast.stmt) -> bool:
    """Tell a marked definition, or the import of the mark alone."""
    if isinstance(node, ast.ImportFrom):
        return _imports_presentation(node) and len(node.names) == 1
    decorators = getattr(node, "decorator_list", [])
    return any(getattr(decorator, "id", "") == "presentation" for decorator in decorators)


def _imports_presentation(node: ast.stmt) -> bool:
    """Tell whether ``presentation`` is ours from here on, and no other decorator of that name."""
    if not isinstance(node, ast.ImportFrom) or node.module != __name__:
        return False
    return any(alias.name == "presentation" and alias.asname is None for alias in node.names)
