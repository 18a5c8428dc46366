"""Reading request bodies that must be a JSON object."""

from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.serving import strict_json
from pipeline.serving.errors import bad_request, too_large
from pipeline.serving.number_lists import NumberList
from pipeline.serving.settings import Limits

T = TypeVar("T")
_KINDS = {
    dict: "an object",
    list: "a list",
    NumberList: "a list",
    str: "a string",
    bool: "a boolean",
}


def read_object(limits: Limits, text: bytes, reader: Callable[[dict[str, Any]], T]) -> T:
    """Parse a body that is a JSON object and pass it to a reader; return the reader's result.

    Raises:
        ServingError: (413) the body exceeds the limit; (400) it is not a JSON object.
    """
    if len(text) > limits.json_bytes:
        raise too_large("A JSON body", limits.json_bytes)
    return strict_json.read(text, lambda document: reader(_require_object(document)))


def json_type(value: Any) -> str:
    """Return the JSON type of a value, with its article."""
    return _KINDS.get(type(value), "null" if value is None else "a number")


def _require_object(document: Any) -> dict[str, Any]:
    if type(document) is not dict:
        raise bad_request(f"The body must be a JSON object; got {json_type(document)}.")
    return document
