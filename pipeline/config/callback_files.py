"""The files that Keras callbacks write: inside the workspace, unless others are allowed."""

import glob
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config.schema import Config

_FILE_ARGUMENT = re.compile(r"(^|_)(file|path|dir)")  # filename, filepath, log_dir, backup_dir
_TEMPLATE = "filepath"  # Keras formats this argument with the epoch and the logged values
# Formats that insert only digits. Others could insert "..", or "/" as a fill character.
_DIGITS = re.compile(r"\d*(\.\d+)?[defgDEFG]?")


def is_file_argument(name: str) -> bool:
    """Return whether an argument of a Keras callback is the path of a file or a folder."""
    return _FILE_ARGUMENT.search(name) is not None


def in_workspace(name: str, value: str, workspace: Path) -> str:
    """Return the value of a file argument for Keras: relative paths start at the workspace."""
    if _is_remote(value):
        return value
    root = str(workspace)
    if name == _TEMPLATE:
        root = root.replace("{", "{{").replace("}", "}}")
    return str(Path(root) / Path(value).expanduser())


def require_inside(config: "Config", workspace: Path) -> None:
    """Require that the file arguments of Keras callbacks lead to places in the workspace.

    Raises:
        ConfigError: one leads elsewhere, also through ``..`` or a symbolic link.
    """
    for key, name, value in _file_arguments(config):
        if outside := _outside(name, value, workspace):
            raise ConfigError(
                f"{key} must be a path inside the workspace {workspace.resolve()}; got {value!r} "
                f"in {config.place_of(key)}, {outside}. Write a path relative to the workspace, "
                "or allow others with --allow-outside."
            )


def require_paths(config: "Config") -> None:
    """Require that the file arguments of Keras callbacks are paths, with plain placeholders.

    Raises:
        ConfigError: one is not text, or has a placeholder that is more than a number.
    """
    for key, name, value in _file_arguments(config):
        problem = _invalid(name, value)
        if problem:
            raise ConfigError(f"{key} must be {problem}; got {value!r} in {config.place_of(key)}.")


def _file_arguments(config: "Config") -> Iterator[tuple[str, str, Any]]:
    """Yield key, name and value; your own classes may name their arguments as they like."""
    for number, callback in enumerate(config.train.callbacks):
        if callback.parse_user_code(callback.name) is None:
            for name, value in callback.arguments.items():
                if is_file_argument(name) and callback.parse_user_code(value) is None:
                    yield f"train.callbacks[{number}].{name}", name, value


def _invalid(name: str, value: Any) -> str | None:
    try:
        Path(value).expanduser().resolve()
    except (TypeError, ValueError, RuntimeError):  # a number, \0, ~NAME of an unknown user
        return "the path of a file or folder"
    if name != _TEMPLATE:
        return None
    try:
        fields = [field for field in Formatter().parse(value) if field[1] is not None]
    except ValueError:
        fields = [("", "", "", "")]
    plain = all(
        re.fullmatch(r"\w+", key or "") and _DIGITS.fullmatch(spec or "") and not conversion
        for _, key, spec, conversion in fields
    )
    return None if plain else "a path with placeholders such as {epoch:02d} or {val_loss:.2f}"


def _outside(name: str, value: str, workspace: Path) -> str | None:
    """Return how a path leads out of the workspace, or None."""
    if _is_remote(value):
        return "which is not a local path"
    path = str(Path(value).expanduser())
    parts = Formatter().parse(path) if name == _TEMPLATE else [(path, None, None, None)]
    pattern = "".join(glob.escape(text) + "*" * (field is not None) for text, field, *_ in parts)
    existing = glob.glob(pattern, root_dir=workspace)  # noqa: PTH207  (pathlib: no absolute ones)
    for found in (path, *existing):
        target = (workspace / found).resolve()
        if not target.is_relative_to(workspace.resolve()):
            return f"which leads to {target}"
    return None


def _is_remote(value: str) -> bool:
    return re.match(r"\w+://", value) is not None  # gs://bucket: TensorFlow opens such paths
