"""Nothing is sent anywhere but to the URI: all other connections would go through a proxy."""

import os
import socket
import sysconfig
from pathlib import Path

import pytest

from pipeline.tracking.journal import Journal
from pipeline.tracking.sending import send
from tests.support.mlflow_servers import ENVIRONMENT, PYTHON
from tests.support.paths import PROJECT

RUN = {"event": "run", "run": "run-1", "name": "run", "uri": "local", "time": 0}
EPOCH = {"event": "epoch", "step": 1, "metrics": {"loss": 1.0}, "time": 0}


@pytest.mark.process
def test_no_telemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PYTHON.exists(), "there is no .venv-mlflow: make .venv-mlflow/installed"
    scheme = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
    packages = sysconfig.get_path("purelib", "venv", scheme)
    monkeypatch.setenv("PYTHONPATH", f"{PROJECT}{os.pathsep}{packages}")
    for name in ("CI", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST"):  # there MLflow sends none itself
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    journal = Journal.of(tmp_path / "runs" / "tracking", "run-1", "local")
    journal.append({**RUN, "params": {}, "tags": {}}, EPOCH)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        send(journal, tmp_path)
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert journal.pending() == []
