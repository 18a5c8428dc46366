"""The value of ``data.target``: a word, or one of two forms that select classes."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

PARITY = "parity"
PARITY_CLASSES = ("even", "odd")
VALUES = ("value", "scaled_value")  # the label as a number
_WORD = re.compile(r"\w+")
_RULE = (
    "label, parity, value, scaled_value, {is: CLASS}, {pair: [CLASS, CLASS]} or the name of a "
    "feature of the data set"
)
PAIR = 2


def _check(value: Any) -> Any:
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    if isinstance(value, dict) and len(value) == 1:
        [(form, classes)] = value.items()
        if form == "is" and _is_class(classes):
            return value
        if form == "pair" and isinstance(classes, list) and len(classes) == PAIR:
            if str(classes[0]) == str(classes[1]):
                raise ValueError("a pair of two different classes")
            if all(map(_is_class, classes)):
                return value
    raise ValueError(_RULE)


def _is_class(value: Any) -> bool:
    """Return whether a value is the number of a class, from 0, or the name of one."""
    return (type(value) is int and value >= 0) or (isinstance(value, str) and value != "")


_CLASS = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}
FORMS = {
    "is": _CLASS,
    "pair": {"type": "array", "items": _CLASS, "minItems": PAIR, "maxItems": PAIR},
}
Target = Annotated[
    str | dict[str, Any],
    BeforeValidator(_check),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\w+$"},
                *(
                    {
                        "type": "object",
                        "properties": {form: schema},
                        "required": [form],
                        "additionalProperties": False,
                    }
                    for form, schema in FORMS.items()
                ),
            ]
        }
    ),
]


def known_classes(target: str | dict[str, Any]) -> tuple[str, ...] | None:
    """Return the classes that a target has in any data set, none if it is a number.

    None if that depends on the data set.
    """
    if isinstance(target, dict):
        [(form, classes)] = target.items()
        return tuple(map(str, classes)) if form == "pair" else (f"not {classes}", str(classes))
    return {PARITY: PARITY_CLASSES, **dict.fromkeys(VALUES, ())}.get(target)


def target_text(target: str | dict[str, Any]) -> str:
    """Return a target as it is written in YAML: parity, {is: 7}, {pair: [3, 5]}."""
    if isinstance(target, str):
        return target
    [(form, classes)] = target.items()
    shown = f"[{', '.join(map(str, classes))}]" if isinstance(classes, list) else classes
    return f"{{{form}: {shown}}}"
