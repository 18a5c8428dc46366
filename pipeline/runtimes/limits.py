"""How much time and memory a worker may take for a file from elsewhere."""

from pathlib import Path

from pipeline.artifacts.formats import artifact_bytes

SECONDS = 60.0  # for each step; importing TensorFlow takes 6 s
_IMAGES_PER_SECOND = 100  # a slow model on a slow machine
_MEMORY_BYTES = 2 * 10**9  # TensorFlow needs 0.6 GB
_COPIES = 4  # of the file's tensors: read, converted, and twice while it is measured


def seconds_for(num_images: int) -> float:
    """Return the time limit of each step for a file from elsewhere."""
    return max(SECONDS, num_images / _IMAGES_PER_SECOND)


def memory_for(model: Path) -> int:
    """Return the memory limit of a worker that opens a file, or the SavedModel in a folder."""
    return max(_MEMORY_BYTES, _COPIES * _size(model))


def _size(model: Path) -> int:
    if model.is_dir():
        return artifact_bytes(model, "saved_model")
    files = (model, model.with_suffix(".bin")) if model.suffix == ".xml" else (model,)
    return sum(file.stat().st_size for file in files if file.is_file())
