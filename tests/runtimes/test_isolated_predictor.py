"""Models that are run in another process: limits, crashes and concurrent calls."""

import json
import os
import signal
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import load_model
from pipeline.errors import ModelError, RequestError
from pipeline.runtimes.isolated_predictor import IsolatedPredictor
from pipeline.runtimes.limits import memory_for, seconds_for
from pipeline.runtimes.registry import choose_runtime
from tests.support.command_line import assert_error, in_process

DIGIT = np.zeros((1, 28, 28, 1), np.uint8)


def test_many_calls_use_one_process(published: Path) -> None:
    """Also at the same time, and with more images than are passed at once."""
    model = load_model(published / "model.tflite")
    assert isinstance(model, IsolatedPredictor)
    process = model._worker._process
    images = np.random.default_rng(0).integers(0, 256, (5000, 28, 28, 1), np.uint8)
    expected = load_model(published).predict(images)
    with ThreadPoolExecutor(4) as pool:
        parts = [images[first : first + 500] for first in range(0, 5000, 500)]
        found = np.concatenate(list(pool.map(model.predict, parts)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(model.predict(images), expected, rtol=0, atol=1e-5)
    assert model._worker._process is process
    assert process.poll() is None
    model.close()
    assert process.poll() == -signal.SIGKILL
    assert not model._folder.exists()


def test_crash_is_an_error_that_names_the_file(published: Path) -> None:
    model = load_model(published / "model.tflite")
    assert isinstance(model, IsolatedPredictor)
    os.killpg(model._worker._process.pid, signal.SIGSEGV)
    text = r"Cannot run .*model\.tflite in litert: its process was killed by SIGSEGV\. Restore the"
    for _ in range(2):
        with pytest.raises(ModelError, match=text):
            model.predict(DIGIT)


def test_stopped_process_does_not_wait_forever(published: Path) -> None:
    path = published / "model.tflite"
    model = IsolatedPredictor(choose_runtime("litert"), path, timeout_seconds=15)
    os.killpg(model._worker._process.pid, signal.SIGSTOP)
    with pytest.raises(ModelError, match="in litert: no predictions within 15 s"):
        model.predict(DIGIT)
    assert model._worker._process.wait(60) == -signal.SIGKILL


def test_limits_of_the_environment(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WORKER_SECONDS", "90")
    monkeypatch.setenv("PIPELINE_WORKER_MEMORY_MB", "3000")
    assert (seconds_for(1), memory_for(published)) == (90, 3 * 10**9)
    for wrong in ("soon", "0", "-1", "inf", "nan"):
        monkeypatch.setenv("PIPELINE_WORKER_SECONDS", wrong)
        text = f"PIPELINE_WORKER_SECONDS must be a positive number; got '{wrong}' in the environ"
        with pytest.raises(RequestError, match=text):
            seconds_for(1)


def test_limits(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_WORKER_SECONDS")
    assert (seconds_for(1), seconds_for(10_000)) == (60, 100)
    assert memory_for(published) == memory_for(published / "model.xml") == 2 * 10**9
    for name in ("large.onnx", "model.bin"):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 10**9)
    (tmp_path / "model.xml").touch()
    assert memory_for(tmp_path / "large.onnx") == memory_for(tmp_path / "model.xml") == 4 * 10**9


@pytest.mark.tensorflow
def test_network_larger_than_its_file_is_refused(published: Path, tmp_path: Path) -> None:
    """The configuration of a Keras file asks for 4.6 GB."""
    path, units = tmp_path / "model.keras", 1_470_000
    with zipfile.ZipFile(published / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        config = json.loads(old.read("config.json"))
        [hidden] = [one for one in config["config"]["layers"] if one["name"] == "hidden_1"]
        hidden["config"]["units"] = units
        text = json.dumps(config).replace("[null, 32]", f"[null, {units}]")
        new.writestr("config.json", text)
        for name in ("metadata.json", "model.weights.h5"):
            new.writestr(name, old.read(name))
    np.save(tmp_path / "digit.npy", DIGIT[0])
    done = in_process("predict", path, tmp_path / "digit.npy")
    memory = "in keras: it needs more memory than the 2.0 GB that it may use"
    assert_error(done, 2, "model.keras", memory)


@pytest.mark.process
@pytest.mark.timeout(120, func_only=True)
def test_pipes_are_refused_at_once(published: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    done = in_process("predict", published, tmp_path / "pipe.npy")
    assert_error(done, 2, "pipe.npy as an image: it must be a regular file; got a named pipe")
    os.mkfifo(tmp_path / "pipe.onnx")
    done = in_process("predict", tmp_path / "pipe.onnx", tmp_path / "pipe.npy")
    assert_error(done, 2, "pipe.onnx, which is neither a file nor a folder")


@pytest.mark.tensorflow
@pytest.mark.parametrize("how", ["external", "link"])
def test_weights_in_other_files_are_refused(published: Path, tmp_path: Path, how: str) -> None:
    """HDF5 files can refer to any file; Keras checks that."""
    h5py: Any = import_module("h5py")

    secret, weights = tmp_path / "secret", tmp_path / "model.weights.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.zeros((784, 32), np.float32)
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(published / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        weights.write_bytes(old.read(weights.name))
        with h5py.File(weights, "r+") as file:
            groups = [layer["vars"] for layer in file["layers"].values()]
            [group] = [g for g in groups if "0" in g and g["0"].shape == (784, 32)]
            del group["0"]
            if how == "link":
                group["0"] = h5py.ExternalLink(str(secret), "x")
            else:
                elsewhere = [(str(secret), 0, secret.stat().st_size)]
                group.create_dataset("0", (784, 32), np.float32, external=elsewhere)
        for name in ("metadata.json", "config.json"):
            new.writestr(name, old.read(name))
        new.write(weights, weights.name)
    np.save(tmp_path / "digit.npy", DIGIT[0])
    done = in_process("predict", path, tmp_path / "digit.npy")
    assert_error(done, 2, "model.keras is not a valid keras model", "Not allowed: H5 file with")
