"""The watch over the head of a Ray cluster."""

import os
import socket

import pytest

from pipeline.errors import MachineError
from pipeline.system import ray_cluster
from pipeline.system.ray_cluster import HeadWatch, ray_settings


def test_head_that_is_gone_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        port = head.getsockname()[1]
        watch = HeadWatch(f"127.0.0.1:{port}")
        watch.check()
    watch.check()  # it may come back
    monkeypatch.setattr(ray_cluster, "_LOST_SECONDS", 0)
    with pytest.raises(MachineError) as raised:
        watch.check()
    assert str(raised.value) == (
        f"The Ray cluster was lost during the training: its head, 127.0.0.1:{port}, was not "
        "reachable for 0 s (Connection refused). Run the same command again, when the cluster is "
        "back, to resume from the last checkpoint."
    )


@pytest.mark.parametrize("address", ["", None])
def test_own_cluster_needs_a_token_and_stays_on_loopback(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    if address is None:
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
    else:
        monkeypatch.setenv("RAY_ADDRESS", address)
    with ray_settings():
        assert os.environ["RAY_AUTH_MODE"] == "token"
        assert os.environ["RAY_AUTH_TOKEN"]
        assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert "RAY_AUTH_TOKEN" not in os.environ
