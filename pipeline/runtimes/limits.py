"""How much time and memory a worker may take for a file from elsewhere."""

import os
from pathlib import Path

from pipeline.artifacts.formats import artifact_bytes
from pipeline.errors import RequestError

SECONDS_VARIABLE = "PIPELINE_WORKER_SECONDS"
MEMORY_VARIABLE = "PIPELINE_WORKER_MEMORY_MB"
_SECONDS = 60.0  # for each step; importing TensorFlow takes 6 s
_IMAGES_PER_SECOND = 100  # a slow model on a slow machine
_MEMORY_MB = 2000.0  # TensorFlow needs 500
_COPIES = 4  # of the file's tensors: read, converted, and twice while it is measured


def seconds_for(num_images: int) -> float:
    """Return the time limit of each step for a file from elsewhere.

    Raises:
        RequestError: the environment variable for it is not a positive number.
    """
    return max(_setting(SECONDS_VARIABLE, _SECONDS), num_images / _IMAGES_PER_SECOND)


def memory_for(model: Path) -> int:
    """Return the memory limit, in bytes, for a file or the SavedModel in a folder.

    Raises:
        RequestError: the environment variable for it is not a positive number.
    """
    return max(int(_setting(MEMORY_VARIABLE, _MEMORY_MB) * 10**6), _COPIES * _size(model))


def _setting(variable: str, default: float) -> float:
    text = os.environ.get(variable, "")
    try:
        value = float(text or default)
    except ValueError:
        value = 0
    if 0 < value < float("inf"):
        return value
    raise RequestError(
        f"{variable} must be a positive number; got {text!r} in the environment. The default is "
        f"{default:g}."
    )


def _size(model: Path) -> int:
    if model.is_dir():
        return artifact_bytes(model, "saved_model")
    files = (model, model.with_suffix(".bin")) if model.suffix == ".xml" else (model,)
    return sum(file.stat().st_size for file in files if file.is_file())
