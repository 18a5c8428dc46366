"""A network of its own for the processes of a test, as TensorFlow listens on all addresses."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from benchmarks import own_network as networks
from benchmarks.own_network import OwnNetwork


@contextmanager
def own_network() -> Iterator[OwnNetwork]:
    """Yield a new network; skip the test where that is not permitted."""
    with ExitStack() as stack:
        try:
            network = stack.enter_context(networks.own_network())
        except OSError as error:
            pytest.skip(f"needs the permission to create a network namespace: {error.strerror}")
        yield network
