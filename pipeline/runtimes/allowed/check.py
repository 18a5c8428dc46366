"""Refuse a model file that could do more than arithmetic."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.artifacts.formats import FORMATS, format_of_file
from pipeline.errors import ModelError, sentence
from pipeline.runtimes.allowed import keras, litert, onnx, openvino, saved_model

_CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "saved_model": saved_model.disallowed,
    "onnx": lambda path: onnx.disallowed(path.read_bytes()),
    "keras": keras.disallowed,
    "litert": litert.disallowed,
    "openvino": openvino.disallowed,
}
_NAMES = {"saved_model": "SavedModel", "onnx": "ONNX"}  # in messages
_MAX_BYTES = 2**31  # of one message in Protocol Buffers, and of a FlatBuffers file
_MAX_NAMED = 5


def require_allowed(path: Path, display_name: str | None = None) -> None:
    """Check what is in a file or folder before a runtime opens it, without opening it.

    ``display_name`` is its name in error messages.

    Raises:
        ModelError: it contains an operator that is not allowed, or is damaged.
    """
    file_format = "saved_model" if path.is_dir() else format_of_file(path)
    shown = Path(display_name or path)
    if file_format is None:
        raise ModelError(f"{shown} cannot be checked: its name must end in {_endings()}.")
    file = saved_model.GRAPH if file_format == "saved_model" else ""
    _require_regular(path / file, shown / file)
    _require_none(partial(_CHECKS[file_format], path), file_format, shown / file)


def require_allowed_onnx(model: bytes, path: Path) -> None:
    """Check the content of an ONNX file that a runtime opens instead of the file itself.

    Raises:
        ModelError: it contains an operator that is not allowed, or is damaged.
    """
    _require_none(partial(onnx.disallowed, model), "onnx", path)


def _require_none(find: Callable[[], list[str]], file_format: str, shown: Path) -> None:
    try:
        found = find()
    except (ValueError, LookupError, RecursionError) as error:
        raise ModelError(
            f"{shown} is not a valid {_NAMES.get(file_format, file_format)} model: "
            f"{sentence(error)} Restore the file, or export it again."
        ) from error
    if found:
        raise _refusal(shown, list(dict.fromkeys(found)))


def _require_regular(path: Path, shown: Path) -> None:
    if not path.is_file():
        raise ModelError(f"{shown} is missing or is not a regular file. Check the path.")
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise ModelError(
            f"A model file must have at most {_MAX_BYTES:,} bytes; got {size:,} in {shown}. "
            "Export it with this pipeline."
        )


def _refusal(shown: Path, found: list[str]) -> ModelError:
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return ModelError(
        f"{shown} contains {', '.join(found[:_MAX_NAMED])}{more}. Model files may contain "
        "operators for arithmetic only, since others could read or write files, or never end. The "
        "file was not opened. Export the model without them."
    )


def _endings() -> str:
    return ", ".join(
        dict.fromkeys(filter(None, (Path(item.path).suffix for item in FORMATS.values())))
    )
