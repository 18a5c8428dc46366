"""Weights of ``.keras`` files: a ZIP archive with the layers as JSON and their weights as HDF5."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.member_names import member_of
from pipeline.verification.network import Dense, Indices, Network, Weights

_FIRST = "layers/dense/vars"  # then dense_1, dense_2, ... (keras/src/saving/saving_lib.py)


def read(path: Path) -> Network:
    """Return the network, with the names and the activations of its layers."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type for entry in archive.infolist()):
            raise ValueError("the archive must not be compressed; Keras does not compress it")
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
        stored = io.BytesIO(archive.read("model.weights.h5"))
    dense = [layer["config"] for layer in layers if layer["class_name"] == "Dense"]
    scaling, *of_output = [
        layer["config"] for layer in layers if layer["class_name"] == "Rescaling"
    ]
    offsets = [config["offset"] for config in (scaling, *of_output)]
    members = max(member_of(config["name"]) for config in dense)
    factors = {float(config["scale"]) for config in of_output}
    if any(offsets) or len(of_output) not in (0, members) or len(factors) > 1:
        raise ValueError(f"the offset of the input must be 0; got {offsets}")
    with h5py.File(stored) as weights:
        read_layers = [
            _dense(config, weights[f"layers/dense_{number}/vars" if number else _FIRST])
            for number, config in enumerate(dense)
        ]
    read_layers.sort(key=lambda layer: member_of(layer.name))  # Keras sorts by depth
    [factor] = factors or {1.0}
    scale = np.float32(scaling["scale"])
    return Network(scale, tuple(read_layers), factor, _shifts(layers), members)


def _shifts(layers: list[dict[str, Any]]) -> Indices | None:
    """Return the second argument of the operation ``Take``, if there is one."""
    taking = [layer for layer in layers if layer["class_name"] == "Take"]
    if not taking:
        return None
    [[node]] = (layer["inbound_nodes"] for layer in taking)
    places = np.asarray(node["args"][1]["config"]["value"], np.int32)
    if taking[0]["config"]["axis"] != 1 or places.ndim != 2:  # noqa: PLR2004
        raise ValueError(f"pixels are taken in a way that is not known: {taking[0]['config']}")
    return places


def _dense(config: dict[str, Any], variables: Any) -> Dense:
    kernel, *bias = (_array(variables[name]) for name in ("0", "1")[: 1 + config["use_bias"]])
    return Dense(kernel, bias[0] if bias else None, config["activation"], config["name"])


def _array(stored: Any) -> Weights:
    """Return an array of the HDF5 file; one without data in this file could have any size."""
    if stored.chunks or stored.external or stored.id.get_storage_size() != stored.nbytes:
        raise ValueError(f"{stored.name} must be stored in one piece")
    return np.asarray(stored)
