"""Slow gRPC calls: they take no request's place, and the oldest make room for others."""

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from pipeline.serving.client_addresses import address_of_peer
from pipeline.serving.grpc.messages import SERVICE
from tests.support.grpc_client import call, channel_to, infer_request
from tests.support.processes import wait_until
from tests.support.relays import relay_from
from tests.support.servers import Server, serving

Code = grpc.StatusCode
OTHER = "127.0.0.2"
INFER = f"/{SERVICE}/ModelInfer"
TOKEN = "a-token-of-many-characters"  # noqa: S105


class SlowCalls:
    """Calls whose messages never come; to the server, they are ordinary unary calls."""

    def __init__(self, channel: Any, count: int) -> None:
        self._end: queue.Queue[bytes] = queue.Queue()
        messages = [iter(self._end.get, b"") for _ in range(count)]
        self.calls = [channel.stream_unary(INFER).future(one) for one in messages]

    def ended(self) -> list[Any]:
        return [one for one in self.calls if one.done()]

    def close(self) -> None:
        for one in self.calls:
            one.cancel()
            self._end.put(b"")


@contextmanager
def slow_calls(channel: Any, count: int) -> Iterator[SlowCalls]:
    calls = SlowCalls(channel, count)
    try:
        yield calls
    finally:
        calls.close()


@contextmanager
def other_channel(server: Server) -> Iterator[Any]:
    """A channel from another address."""
    assert server.grpc
    host, port = server.grpc.rsplit(":", 1)
    with relay_from(OTHER, (host, int(port))) as address, grpc.insecure_channel(address) as channel:
        yield channel


def succeeds(channel: Any) -> bool:
    return bool(call(channel, "ModelInfer", **infer_request()).model_name == "smoke")


def test_oldest_calls_of_a_client_are_dropped(smoke: Path, tmp_path: Path) -> None:
    """More of one client than may arrive; they take neither places of requests nor of others."""
    options = ("--max-client-uploads", 3, "--max-requests", 4, "--receive-seconds", 3600)
    with ExitStack() as opened:
        server = opened.enter_context(serving(smoke, *options, log=tmp_path / "log"))
        own, other = (opened.enter_context(to(server)) for to in (channel_to, other_channel))
        of_own = opened.enter_context(slow_calls(own, 3))
        of_other = opened.enter_context(slow_calls(other, 10))
        wait_until(lambda: len(of_other.ended()) == 7)
        for dropped in of_other.ended():
            assert dropped.code() == Code.RESOURCE_EXHAUSTED
            assert dropped.details() == (
                "The server is busy: at most 3 calls of one client may arrive at a time "
                "(--max-client-uploads), and this one was the slowest. Try again later."
            )
        assert of_own.ended() == []
        assert all(succeeds(channel) for channel in (own, other) for _ in range(20))
        assert len(of_other.ended()) >= 8, "a call from there takes the place of a slow one"


def test_limit_of_a_client_can_be_turned_off(smoke: Path, tmp_path: Path) -> None:
    options = ("--max-client-uploads", 0, "--max-uploads", 5, "--receive-seconds", 3600)
    with ExitStack() as opened:
        server = opened.enter_context(serving(smoke, *options, log=tmp_path / "log"))
        channel = opened.enter_context(other_channel(server))
        slow = opened.enter_context(slow_calls(channel, 9))
        wait_until(lambda: len(slow.ended()) == 4)
        [text] = {dropped.details() for dropped in slow.ended()}
        assert "at most 5 calls may arrive at a time (--max-uploads), and this one was the" in text
        assert succeeds(channel)


def test_message_must_arrive_in_time(smoke: Path, tmp_path: Path) -> None:
    with ExitStack() as opened:
        options = ("--receive-seconds", 0.5)
        server = opened.enter_context(serving(smoke, *options, log=tmp_path / "log"))
        channel = opened.enter_context(channel_to(server))
        for _ in range(2):  # the second one needs a new timer
            slow = opened.enter_context(slow_calls(channel, 3))
            for late in slow.calls:
                assert late.code() == Code.DEADLINE_EXCEEDED  # which waits for the end
                assert (
                    late.details() == "The message did not arrive within 0.5 s (--receive-seconds)."
                )
        assert succeeds(channel)
        assert not [event for event in server.events() if "traceback" in event]


def test_token_is_required_before_the_message_arrives(smoke: Path, tmp_path: Path) -> None:
    with ExitStack() as opened:
        options = ("--receive-seconds", 3600)
        server = serving(smoke, *options, log=tmp_path / "log", PIPELINE_SERVE_TOKEN=TOKEN)
        channel = opened.enter_context(channel_to(opened.enter_context(server)))
        slow = opened.enter_context(slow_calls(channel, 1))
        wait_until(slow.ended)
        assert slow.calls[0].code() == Code.UNAUTHENTICATED


def test_call_without_a_message_is_explained(server: Server) -> None:
    with channel_to(server) as channel:
        empty = channel.stream_unary(INFER).future(iter(()))
        assert empty.code() == Code.INVALID_ARGUMENT
        assert empty.details() == "A call must contain one message; got none."


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:51000", "192.0.2.7"),
        ("ipv6:%5B2001:db8::1%5D:51000", "2001:db8::1"),
        ("ipv6:[::1]:51000", "::1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:51000", "fe80::1%eth0"),
        ("unix:/run/server", ""),
        ("", ""),
    ],
)
def test_address_of_a_peer(peer: str, address: str) -> None:
    assert address_of_peer(peer) == address
