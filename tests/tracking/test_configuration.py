"""``track.mlflow``: what is accepted, what is refused before the training, and what is stored."""

import importlib.util
from pathlib import Path

import pytest

from pipeline import api
from pipeline.config import read
from pipeline.errors import ConfigError, MissingExtra
from pipeline.publishing.portable import portable_command, portable_config
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE
from tests.test_architecture import imported_modules


@pytest.mark.parametrize(
    "uri", ["local", "http://127.0.0.1:5000", "https://host/path", "sqlite:///runs/x.db"]
)
def test_accepted(uri: str, tmp_path: Path) -> None:
    config = read(SMOKE, [f"track.mlflow={uri}"])
    assert config.track is not None
    assert config.track.mlflow == uri
    assert "track" not in portable_config(config, tmp_path)
    assert "track" not in portable_command(config, tmp_path)


def test_section_as_an_override_is_not_published(tmp_path: Path) -> None:
    config = read(SMOKE, ["track={mlflow: 'http://host'}"])
    assert "track" not in portable_command(config, tmp_path)


@pytest.mark.parametrize(
    "value", ["ftp://host", "host:5000", "http://", "http://host:x", "sqlite://x.db", "databricks"]
)
def test_other_uris_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"track\.mlflow must be local \(the file runs/mlflow"):
        read(SMOKE, [f"track.mlflow={value}"])


def test_credentials_are_refused_and_not_printed(tmp_path: Path) -> None:
    for uri in ("https://me:secret@host", "https://host?token=secret", "http://secret@host:x"):
        done = in_process("run", SMOKE, f"track.mlflow={uri}", "-C", tmp_path)
        assert_error(done, 2, "track.mlflow must be ")
        assert "secret" not in done.err
    assert "MLFLOW_TRACKING_PASSWORD" in in_process("run", SMOKE, "track.mlflow=http://a@b").err


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="MLflow is installed")
def test_missing_extra_is_found_first(tmp_path: Path) -> None:
    with pytest.raises(
        MissingExtra, match=r"dense-pipeline\[mlflow\]' \(in a clone: make mlflow\)"
    ):
        api.run(SMOKE, ["track.mlflow=local"], workspace=tmp_path)
    assert not (tmp_path / "runs").exists()


def test_nothing_is_tracked_yet(tmp_path: Path) -> None:
    assert "No run is tracked." in in_process("track", "status", "-C", tmp_path).out
    assert in_process("track", "sync", "--json", "-C", tmp_path).out == "[]\n"


def test_runs_do_not_import_mlflow() -> None:
    importing = imported_modules("tracking.tracked_run") | imported_modules("tracking.sending")
    assert not importing & {"tracking.mlflow_client", "tracking.onnx_model", "tracking.sender"}
