"""A network without other machines, and a training in it that nothing disturbs."""

from collections.abc import Iterator

import pytest

from benchmarks.own_network import OwnNetwork
from tests.support.own_network import own_network
from tests.support.worker_pairs import Pair


@pytest.fixture(scope="session")
def network() -> Iterator[OwnNetwork]:
    with own_network() as network:
        yield network


@pytest.fixture(scope="session")
def undisturbed(network: OwnNetwork, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A complete training."""
    pair = Pair(network, tmp_path_factory.mktemp("undisturbed"))
    started = pair.start(0, 1)
    assert [worker.wait() for worker in started] == [0, 0], [w.output() for w in started]
    return pair
