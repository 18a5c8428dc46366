"""Read the weights of a file by its format, in this process or in one of its own.

``python -m pipeline.verification.weights.reading FORMAT PATH OUTPUT`` writes them to a ``.npz``
file. Libraries written in C, such as HDF5, may crash on damaged files, and a small file may
describe large arrays; files are therefore read by a process with limits of memory and time.
"""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import WorkerFailed, one_line
from pipeline.system.scratch import scratch_folder
from pipeline.verification.network import Dense, Network
from pipeline.verification.weights import keras, litert, onnx, openvino, saved_model

Reader = Callable[[Path, str], Network | None]

_READERS: dict[str, Callable[[Path], Network | None]] = {
    "keras": keras.read,
    "litert": litert.read,
    "onnx": onnx.read,
    "openvino": openvino.read,
    "saved_model": saved_model.read,
}
_MODULE = "pipeline.verification.weights.reading"
_ROOT = Path(__file__).parents[3]  # of the package, so that nothing beside a model is imported
_MEMORY_BYTES = 2 * 10**9
_SECONDS = 60
_ABSENT, _MISSING_PACKAGE = 3, 4  # exit codes


def read_here(path: Path, file_format: str) -> Network | None:
    """Return the network in a file, or None if its format or version has no comparable weights.

    Raises:
        Exception: whatever a damaged file or one of another structure raises.
    """
    reader = _READERS.get(file_format)
    return reader(path) if reader else None


def read_isolated(path: Path, file_format: str) -> Network | None:
    """Return the same as ``read_here``, from a process of its own.

    Raises:
        WorkerFailed: the file could not be read.
        ModuleNotFoundError: the package that reads the format is not installed.
    """
    if file_format not in _READERS:
        return None
    with scratch_folder() as scratch:
        output = scratch / "weights.npz"
        arguments = [file_format, str(path.resolve()), str(output)]
        try:
            done = subprocess.run(  # noqa: S603  (our own module, no shell)
                [sys.executable, "-m", _MODULE, *arguments],
                cwd=_ROOT,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise WorkerFailed(f"no weights within {_SECONDS} s") from error
        if done.returncode == _ABSENT:
            return None
        if done.returncode == _MISSING_PACKAGE:
            raise ModuleNotFoundError(done.stderr)
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            raise WorkerFailed(f"the process that read them was killed by {name}")
        if done.returncode:
            raise WorkerFailed((done.stderr.strip().splitlines() or ["no message"])[-1])
        return _load(output)


def _save(network: Network, output: Path) -> None:
    arrays: dict[str, Any] = {}
    for number, layer in enumerate(network.layers):
        arrays[f"kernel_{number}"] = layer.kernel
        if layer.bias is not None:
            arrays[f"bias_{number}"] = layer.bias
    if network.scale is not None:
        arrays["scale"] = np.asarray(network.scale)
    if network.shifts is not None:
        arrays["shifts"] = network.shifts
    arrays["members"] = np.asarray(network.members)
    arrays["factor"] = np.asarray(network.factor)
    texts = [{"activation": layer.activation, "name": layer.name} for layer in network.layers]
    arrays["texts"] = json.dumps(texts)
    np.savez(output, **arrays)


def _load(output: Path) -> Network:
    with np.load(output, allow_pickle=False) as file:
        layers = tuple(
            Dense(file[f"kernel_{number}"], file.get(f"bias_{number}"), **texts)
            for number, texts in enumerate(json.loads(str(file["texts"])))
        )
        scale = np.float32(file["scale"]) if "scale" in file else None
        factor, members = float(file["factor"]), int(file["members"])
        return Network(scale, layers, factor, file.get("shifts"), members)


def main(file_format: str, path: str, output: str) -> int:
    """Read one file and write its weights; errors are written to standard error."""
    model = Path(path)
    size = sum(f.stat().st_size for f in (model, *model.glob("variables/*")) if f.is_file())
    limit = max(_MEMORY_BYTES, 4 * size)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        network = read_here(model, file_format)
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return _MISSING_PACKAGE
    except Exception as error:  # noqa: BLE001  (whatever a damaged file raises)
        print(f"{type(error).__name__}: {one_line(error)}", file=sys.stderr)
        return 1
    if network is None:
        return _ABSENT
    _save(network, Path(output))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
