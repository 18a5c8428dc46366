"""Reading the header traceparent, as in W3C Trace Context and its test suite."""

import pytest

from pipeline.serving.trace_context import read_trace_id, trace_field

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.encode(),
        f"00-{TRACE}-{PARENT}-00",
        f"00-{TRACE}-{PARENT}-ff",
        f" \t{HEADER} \t",
        f"cc-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01-",
        f"01-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
    ],
)
def test_trace_is_read(header: str | bytes) -> None:
    assert read_trace_id(header) == TRACE
    assert trace_field([header]) == {"trace_id": TRACE}


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"{HEADER}-",
        f"{HEADER}-more",
        f"ff-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.what",
        f"0-{TRACE}-{PARENT}-01",
        f"000-{TRACE}-{PARENT}-01",
        f"0G-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT.upper()}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}0-{PARENT}-01",
        f"00-{TRACE}-{PARENT[1:]}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-0A",
        f"00-{TRACE}-{PARENT}",
        f"00_{TRACE}_{PARENT}_01",
        f"00-{TRACE[:-1]}٣-{PARENT}-01",
        f"{HEADER}\n",
        b"\xff" * 55,
    ],
)
def test_invalid_header_is_ignored(header: str | bytes) -> None:
    assert read_trace_id(header) is None
    assert trace_field([header]) == {}


def test_several_headers_are_ignored() -> None:
    assert trace_field([HEADER, HEADER]) == {}
    assert trace_field([]) == {}
