"""Weights of ``.keras`` files: a ZIP archive with the layers as JSON and their weights as HDF5."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.verification.network import Dense, Network

_FIRST = "layers/dense/vars"  # then dense_1, dense_2, ... (keras/src/saving/saving_lib.py)


def read(path: Path) -> Network:
    """Return the network, with the names and the activations of its layers."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
        stored = io.BytesIO(archive.read("model.weights.h5"))
    dense = [layer["config"] for layer in layers if layer["class_name"] == "Dense"]
    [scaling] = [layer["config"] for layer in layers if layer["class_name"] == "Rescaling"]
    if scaling["offset"] != 0:
        raise ValueError(f"the offset of the input must be 0; got {scaling['offset']}")
    with h5py.File(stored) as weights:
        read_layers = [
            _dense(config, weights[f"layers/dense_{number}/vars" if number else _FIRST])
            for number, config in enumerate(dense)
        ]
    return Network(np.float32(scaling["scale"]), tuple(read_layers))


def _dense(config: dict[str, Any], variables: Any) -> Dense:
    return Dense(
        np.asarray(variables["0"]),
        np.asarray(variables["1"]) if config["use_bias"] else None,
        config["activation"],
        config["name"],
    )
