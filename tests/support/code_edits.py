"""Edits of Python source: some leave the executed code the same, the others change one thing."""

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BODIES = ("body", "orelse", "finalbody")
OPPOSITE: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Lt: ast.GtE(),
    ast.GtE: ast.Lt(),
    ast.Gt: ast.LtE(),
    ast.LtE: ast.Gt(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
}


def unparsed(source: str) -> str:
    """Remove comments; change quotes and line breaks."""
    return ast.unparse(ast.parse(source))


def laid_out(source: str) -> str:
    """Double the indentation; add comments around and an empty line before each statement."""
    starts, ends, fresh = set(), set(), True
    layout = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE:
            ends.add(token.start[0])
            fresh = True
        elif fresh and token.type not in layout:
            starts.add(token.start[0])
            fresh = False
    return "".join(
        _laid_out(line, row in starts, row in ends)
        for row, line in enumerate(io.StringIO(source), start=1)
    )


def _laid_out(line: str, starts: bool, ends: bool) -> str:
    if ends:
        line = f"{line.rstrip()}  # after\n"
    if starts:
        indent = line[: len(line) - len(line.lstrip())] * 2
        line = f"\n# before\n{indent}{line.lstrip()}"
    return line


def undocumented(source: str) -> str:
    """Remove docstrings."""
    return ast.unparse(_documented(ast.parse(source), None))


def documented(source: str, text: str = "Another.") -> str:
    """Put a docstring with this text wherever one is possible."""
    return ast.unparse(_documented(ast.parse(source), text))


def _documented(tree: ast.Module, text: str | None) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)):
            if ast.get_docstring(node) is not None:
                del node.body[0]
            if text is not None:
                node.body.insert(0, ast.Expr(ast.Constant(text)))
            elif not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.Pass())
    return tree


class Edit(NamedTuple):
    """One change: its kind, its line, and a function that applies it to the tree."""

    kind: str
    line: int
    apply: Callable[[], object]


def edits(tree: ast.AST) -> Iterator[Edit]:
    """Yield all possible edits, in the same order for the same source."""
    line = 0
    for node in _running(tree):
        line = getattr(node, "lineno", line)
        for found in (_of_expression, _of_definition, _of_list, _of_statements):
            yield from (Edit(kind, line, apply) for kind, apply in found(node))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield nodes that affect output: no docstrings, type checking or presentation."""
    if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        for statement in node.orelse:
            yield from _running(statement)
    elif not (isinstance(node, ast.stmt) and _is_idle(node)):
        yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr_context | ast.operator | ast.cmpop) and not (
                isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
            ):
                yield from _running(child)


def _is_idle(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return getattr(node.test, "id", "") == "TYPE_CHECKING" and not node.orelse
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names] == ["presentation"]
    if isinstance(node, DEFINITIONS):
        return any(getattr(d, "id", "") == "presentation" for d in node.decorator_list)
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


Found = Iterator[tuple[str, Callable[[], object]]]


def _setting(node: ast.AST, name: str, value: object) -> Callable[[], object]:
    return lambda: setattr(node, name, value)


def _putting(items: list[Any], index: int, *values: object) -> Callable[[], object]:
    return lambda: items.__setitem__(slice(index, index + 1), values)


def _of_expression(node: ast.AST) -> Found:  # noqa: C901, PLR0912 - a table
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            yield "operator", _setting(node, "op", ast.Mult() if _is(op, ast.Sub) else ast.Sub())
        case ast.BoolOp(op=op):
            yield "and, or", _setting(node, "op", ast.And() if _is(op, ast.Or) else ast.Or())
        case ast.UnaryOp(op=op):
            sign = ast.UAdd() if _is(op, ast.USub) else ast.USub()
            yield "sign", _setting(node, "op", sign)
        case ast.Compare(ops=ops):
            for index, comparison in enumerate(ops):
                yield "comparison", _putting(ops, index, OPPOSITE[type(comparison)])
        case ast.Constant(value=value):
            for other in _other_constants(value):
                kind = "constant" if type(other) is type(value) else "type of constant"
                yield kind, _setting(node, "value", other)
        case ast.Name(id=name):
            yield "name", _setting(node, "id", f"{name}_")
        case ast.Attribute(attr=name):
            yield "attribute", _setting(node, "attr", f"{name}_")
        case ast.JoinedStr(values=parts):
            for part in parts:
                if isinstance(part, ast.Constant):
                    yield "text between braces", _setting(part, "value", f"{part.value!s}x")
        case ast.FormattedValue(conversion=conversion):
            changed = -1 if conversion == ord("r") else ord("r")
            yield "conversion", _setting(node, "conversion", changed)
            if node.format_spec is not None:
                yield "format", _setting(node, "format_spec", None)
        case ast.IfExp(body=body, orelse=orelse) if ast.dump(body) != ast.dump(orelse):
            yield "if, else", _setting(node, "body", orelse)
        case ast.Slice(lower=lower, upper=upper):
            yield "slice", _setting(node, "step", ast.Constant(7))
            if lower is not None and upper is not None:
                yield "slice", _setting(node, "lower", None)


def _of_definition(node: ast.AST) -> Found:  # noqa: C901, PLR0912 - a table
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield "name of a definition", _setting(node, "name", f"{node.name}_")
            for index in range(len(node.decorator_list)):
                yield "decorator", _putting(node.decorator_list, index)
            if getattr(node, "returns", None) is not None:
                yield "annotation", _setting(node, "returns", None)
        case ast.arg(arg=name):
            yield "name of a parameter", _setting(node, "arg", f"{name}_")
            if node.annotation is not None:
                yield "annotation", _setting(node, "annotation", None)
        case ast.arguments(defaults=defaults, kw_defaults=keyword_defaults):
            for each in (defaults, keyword_defaults):
                for index, default in enumerate(each):
                    if default is not None:
                        yield "default", _putting(each, index, ast.Constant("another"))
            if defaults:
                yield "default dropped", _putting(defaults, 0)
        case ast.alias(name=name) if name != "*":
            yield "import", _setting(node, "name", f"{name}_")
            yield "name of an import", _setting(node, "asname", f"{node.asname}_")
        case ast.ExceptHandler(type=kind) if kind is not None:
            yield "except", _setting(node, "type", ast.Name("Another"))
        case ast.Raise(cause=cause) if cause is not None:
            yield "cause", _setting(node, "cause", None)


def _of_list(node: ast.AST) -> Found:
    match node:
        case ast.Call(args=args, keywords=keywords):
            for index, keyword in enumerate(keywords):
                yield "keyword dropped", _putting(keywords, index)
                if keyword.arg is not None:
                    yield "keyword renamed", _setting(keyword, "arg", f"{keyword.arg}_")
            yield from _shorter_and_turned("arguments", args)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            yield from _shorter_and_turned("items", items)
        case ast.BoolOp(values=items):
            yield from _turned("and, or reversed", items)
        case ast.comprehension(ifs=conditions) if conditions:
            yield "condition", _putting(conditions, 0)


def _of_statements(node: ast.AST) -> Found:
    for statements in (getattr(node, name, None) for name in BODIES):
        if not isinstance(statements, list):
            continue
        for index, statement in enumerate(statements):
            if not _is_idle(statement):
                yield "statement removed", _putting(statements, index, ast.Pass())
        if _differs_turned([s for s in statements if not _is_idle(s)]):
            yield "statements reversed", statements.reverse
    if isinstance(node, ast.If | ast.While | ast.Assert):
        yield "condition negated", _setting(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Return) and ast.unparse(node) not in {"return", "return None"}:
        yield "return", _setting(node, "value", None)


def _shorter_and_turned(kind: str, items: list[Any]) -> Found:
    if items:
        yield f"{kind} shorter", _putting(items, len(items) - 1)
    yield from _turned(f"{kind} reversed", items)


def _turned(kind: str, items: list[Any]) -> Found:
    if _differs_turned(items):
        yield kind, items.reverse


def _differs_turned(items: list[Any]) -> bool:
    return any(ast.dump(a) != ast.dump(b) for a, b in zip(items, reversed(items), strict=True))


def _is(node: ast.AST, kind: type) -> bool:
    return isinstance(node, kind)


def _other_constants(value: object) -> Iterable[object]:
    match value:
        case bool():
            return (not value, int(value))
        case int():
            return (value + 1, float(value), str(value))
        case float():
            return (value + 1, str(value))
        case str():
            return (f"{value}x", value.encode())
        case bytes():
            return (value + b"x", value.decode("latin-1"))
    return (False, "None")  # None and ...
