"""What is published, without the folders of this machine, which mean nothing elsewhere."""

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.config.schema import Config

# Where this machine gets its data; elsewhere, the defaults apply.
_OF_THE_MACHINE = ("manual_dir", "tfds_dir", "mirrors")


def portable_config(config: "Config", workspace: Path) -> dict[str, Any]:
    """Return the configuration as JSON, without settings and folders of this machine.

    A path inside the workspace becomes relative to it, any other absolute path its last part.
    """
    values = config.model_dump(mode="json")
    values["data"] |= dict.fromkeys(_OF_THE_MACHINE)
    del values["track"]
    result: dict[str, Any] = _each_text(values, lambda text: _portable_path(text, workspace))
    return result


def portable_origin(origin: str, workspace: Path) -> str:
    """Return the description of a source of data without the name of its folder."""
    named = r"^(files|prepared by TensorFlow Datasets) in .*"
    return portable_text(re.sub(named, r"\1 in a local folder", origin), workspace)


def portable_text(text: str, workspace: Path) -> str:
    """Return a text in which paths begin below the workspace, the home folder, and so on."""
    folders = [workspace, Path.cwd(), Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix)]
    paths = {path for f in folders for path in (f, f.absolute(), f.resolve()) if path.name}
    for path in sorted(map(str, paths), key=len, reverse=True):
        text = re.sub(rf"(?<![\w/.-]){re.escape(path)}/", "", text)
    return text


def _portable_path(text: str, workspace: Path) -> str:
    path = Path(text)
    if not (path.is_absolute() or re.match(r"~\w*/", text)) or not path.name:
        return text
    for folder in (workspace.absolute(), workspace.resolve()):
        if path.is_relative_to(folder) and path != folder:
            return str(path.relative_to(folder))
    return path.name


def _each_text(value: Any, convert: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _each_text(inner, convert) for key, inner in value.items()}
    if isinstance(value, list):
        return [_each_text(inner, convert) for inner in value]
    return convert(value) if isinstance(value, str) else value
