"""The trace that a request belongs to, from its header ``traceparent``.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/, section 3.2.
"""

import re
from typing import Any

_VERSION_00 = 55  # characters
_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.DOTALL
)


def read_trace_id(header: str | bytes) -> str | None:
    """Return the trace ID, 32 hexadecimal digits; None if the header is invalid.

    Versions after 00 may have more fields.
    """
    text = (header.decode("latin-1") if isinstance(header, bytes) else header).strip(" \t")
    found = _FORM.fullmatch(text)
    if found is None or (text[:2] == "00" and len(text) != _VERSION_00):
        return None
    return found[1]


def trace_field(given: list[Any]) -> dict[str, str]:
    """Return the field of a log line from all headers ``traceparent``, of which one may exist."""
    trace = read_trace_id(given[0]) if len(given) == 1 else None
    return {"trace_id": trace} if trace else {}
