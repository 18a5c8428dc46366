"""Closing a port: connections that arrive meanwhile are refused, never reset."""

import errno
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipeline.serving.http.closing_port import refuse_new_connections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do so")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock


def test_connection_that_arrives_before_the_port_closes_is_refused(
    listening: socket.socket,
) -> None:
    refuse_new_connections(listening)
    with closing(socket.socket()) as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):  # without the filter, it connects and is reset
            client.connect(listening.getsockname())
        listening.close()
        select.select([], [client], [], 60)
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    assert error == errno.ECONNREFUSED


def test_earlier_connections_are_still_accepted(listening: socket.socket) -> None:
    with closing(socket.create_connection(listening.getsockname())) as client:
        refuse_new_connections(listening)
        accepted, _ = listening.accept()
        with closing(accepted):
            client.sendall(b"request")
            assert accepted.recv(7) == b"request"
