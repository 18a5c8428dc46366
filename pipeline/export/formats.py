"""The formats by name: the file each writes inside an exported folder."""

from pathlib import Path

FILES = {
    # A published folder is itself the SavedModel, as TensorFlow Serving mounts it.
    "saved_model": ".",
    "onnx": "model.onnx",
    "keras": "model.keras",
}
_SIGNS = {**FILES, "saved_model": "saved_model.pb"}


def artifact_path(folder: Path, file_format: str) -> Path:
    """Return the file or folder that a runtime opens for a format."""
    return folder / FILES[file_format]


def formats_in(folder: Path) -> list[str]:
    """Return the formats that an exported or published folder holds."""
    return [name for name, sign in _SIGNS.items() if (folder / sign).is_file()]


def artifact_name(file_format: str) -> str:
    """Return what a format's artifact is called in tables."""
    return _SIGNS[file_format]
