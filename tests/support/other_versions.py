"""Versions that answer something else than the one that they are made from."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper


def add_rolled_version(model_folder: Path, number: int) -> None:
    """Publish version 1 again, with each class in the place of the next: the labels all differ."""
    folder = model_folder / f".tmp-{number}"
    shutil.copytree(model_folder / "1", folder)
    model = onnx.load(folder / "model.onnx")
    with np.load(folder / "golden.npz") as file:
        golden = dict(file)
    units = golden["probabilities"].shape[1]
    for tensor in model.graph.initializer:
        if tensor.dims and tensor.dims[-1] == units:
            rolled = np.roll(numpy_helper.to_array(tensor), 1, axis=-1)
            tensor.CopyFrom(numpy_helper.from_array(rolled, tensor.name))
    onnx.save(model, folder / "model.onnx")
    for name in {"probabilities", "allowed"} & set(golden):
        golden[name] = np.roll(golden[name], 1, axis=1)
    np.savez(folder / "golden.npz", **golden)
    _adopt(folder, number, "model.onnx", "golden.npz")
    folder.rename(model_folder / str(number))


def add_same_version(model_folder: Path, number: int) -> None:
    """Publish version 1 again, under another number."""
    folder = model_folder / f".tmp-{number}"
    shutil.copytree(model_folder / "1", folder)
    _adopt(folder, number)
    folder.rename(model_folder / str(number))


def _adopt(folder: Path, number: int, *changed: str) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["version"] = number
    for name in changed:
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"bytes": len(content), "sha256": digest}
    path.write_text(json.dumps(manifest))
