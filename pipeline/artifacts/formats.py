"""The formats by name: the files each consists of, its precision, and the module that writes it.

``pipeline/export/<name>.py`` has ``write(trained, path)``. Nothing heavy is imported here, since
published models are read with the base install too.
"""

from dataclasses import dataclass
from pathlib import Path

FLOAT32, FLOAT16, INT8 = "float32", "float16", "int8"


@dataclass(frozen=True)
class Format:
    """A kind of exported file.

    ``opened`` is what a runtime is given, ``files`` all it consists of (patterns), the one that
    stands for it in tables first; ``copy_of`` names the format that a smaller copy is made from;
    ``needs`` is a package to write it that the extra ``train`` does not bring.
    """

    name: str
    opened: str
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
    return folder / FORMATS[file_format].opened


def artifact_name(file_format: str) -> str:
    """Return what a format's artifact is called in tables."""
    return FORMATS[file_format].files[0]


def artifact_files(folder: Path, file_format: str) -> list[Path]:
    """Return all files of a format in an exported or published folder."""
    found = (path for pattern in FORMATS[file_format].files for path in folder.glob(pattern))
    return sorted(path for path in found if path.is_file())


def artifact_bytes(folder: Path, file_format: str) -> int:
    """Return the size of a format's files together, in bytes."""
    return sum(path.stat().st_size for path in artifact_files(folder, file_format))


def formats_in(folder: Path) -> list[str]:
    """Return the formats that an exported or published folder holds."""
    return [name for name in FORMATS if (folder / artifact_name(name)).is_file()]


def format_of_file(path: Path) -> str | None:
    """Return the format of a single file by its ending, or None where no format has it."""
    endings = [(name, Path(f.opened).suffix) for name, f in FORMATS.items() if not f.copy_of]
    return next((name for name, ending in endings if ending and path.suffix == ending), None)
