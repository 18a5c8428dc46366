"""The formats by name: their files, precision, and the modules that write them.

``pipeline/export/<name>.py`` defines ``write(trained, path)``. Importing this module is cheap, as
published models are also read with the base install.
"""

from dataclasses import dataclass
from pathlib import Path

FLOAT32, FLOAT16, INT8 = "float32", "float16", "int8"


@dataclass(frozen=True)
class Format:
    """A format of exported files.

    ``path`` is the file or folder that a runtime opens; ``files`` are patterns for all files of the
    format, beginning with the one shown in tables; ``copy_of`` is the format that a smaller copy
    is made from; ``needs`` is a package for writing it that the extra ``train`` does not include.
    """

    name: str
    path: str
    files: tuple[str, ...]
    precision: str = FLOAT32
    copy_of: str | None = None
    needs: str | None = None


FORMATS = {
    item.name: item
    for item in (
        # A published folder is itself the SavedModel, as TensorFlow Serving mounts it.
        Format("saved_model", ".", ("saved_model.pb", "fingerprint.pb", "variables/*")),
        Format("onnx", "model.onnx", ("model.onnx",)),
        Format("keras", "model.keras", ("model.keras",)),
        Format("litert", "model.tflite", ("model.tflite",)),
        Format("onnx_int8", "model.int8.onnx", ("model.int8.onnx",), INT8, "onnx"),
        Format("onnx_fp16", "model.fp16.onnx", ("model.fp16.onnx",), FLOAT16, "onnx"),
        Format("openvino", "model.xml", ("model.xml", "model.bin"), needs="openvino"),
    )
}


def artifact_path(folder: Path, file_format: str) -> Path:
    """Return the file or folder that a runtime opens for a format."""
    return folder / FORMATS[file_format].path


def artifact_name(file_format: str) -> str:
    """Return the name of a format's artifact in tables."""
    return FORMATS[file_format].files[0]


def artifact_files(folder: Path, file_format: str) -> list[Path]:
    """Return all files of a format in an exported or published folder."""
    found = (path for pattern in FORMATS[file_format].files for path in folder.glob(pattern))
    return sorted(path for path in found if path.is_file())


def artifact_bytes(folder: Path, file_format: str) -> int:
    """Return the total size of a format's files, in bytes."""
    return sum(path.stat().st_size for path in artifact_files(folder, file_format))


def formats_in(folder: Path) -> list[str]:
    """Return the formats that are in an exported or published folder."""
    return [name for name in FORMATS if (folder / artifact_name(name)).is_file()]


def format_of_file(path: Path) -> str | None:
    """Return the format of a single file by its suffix, or None if no format has that suffix."""
    suffixes = [(name, Path(f.path).suffix) for name, f in FORMATS.items() if not f.copy_of]
    return next((name for name, suffix in suffixes if suffix and path.suffix == suffix), None)
