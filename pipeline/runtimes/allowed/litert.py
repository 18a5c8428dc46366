"""The operators of LiteRT files, and references to other files."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.runtimes.allowed.flatbuffer import Table
from pipeline.runtimes.allowed.litert_operators import NAMES, OPERATORS

_IDENTIFIER, _PLACE = b"TFL3", slice(4, 8)
# Field numbers of LiteRT's schema.fbs.
_OPERATOR_CODES, _EXTERNAL_BUFFER_GROUPS, _EXTERNAL_BUFFERS = 1, 8, 9  # of a model
_OLD_CODE, _CUSTOM_NAME, _CODE = 0, 1, 3  # of an operator code


def disallowed(path: Path) -> list[str]:
    """Return everything in a LiteRT file that is not allowed, such as ``WHILE``.

    Raises:
        ValueError: it is not a LiteRT file.
    """
    content = path.read_bytes()
    if content[_PLACE] != _IDENTIFIER:
        raise ValueError(f"a LiteRT file has the identifier {_IDENTIFIER.decode()}")
    model = Table.root(content)
    return [*_operators(model), *_external(model)]


def _operators(model: Table) -> Iterator[str]:
    for code in model.tables(_OPERATOR_CODES):
        # As in LiteRT: numbers above 126 do not fit into the old field.
        number = max(code.number(_OLD_CODE, "<b"), code.number(_CODE, "<i"))
        name = NAMES[number] if 0 <= number < len(NAMES) else f"number {number}"
        custom = code.text(_CUSTOM_NAME)
        if name not in OPERATORS:
            yield f"{name} {custom}".strip()


def _external(model: Table) -> Iterator[str]:
    if model.has(_EXTERNAL_BUFFER_GROUPS) or model.has(_EXTERNAL_BUFFERS):
        yield "weights in other files"
