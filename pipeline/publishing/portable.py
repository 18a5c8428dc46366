"""What is published, without the folders of this machine, which mean nothing elsewhere."""

import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config.yaml_text import load_yaml, value_text

if TYPE_CHECKING:
    from pipeline.config.schema import Config

# Where this machine gets its data and tracks its runs; elsewhere, the defaults apply.
_FOLDERS, _HOSTS = ("path", "manual_dir", "tfds_dir"), ("mirrors",)
_OVERRIDE = re.compile(r"(?P<key>[^=]+)=(?P<value>.*)", re.DOTALL)
_OF_THE_MACHINE = {
    *(f"data.{name}" for name in (*_FOLDERS, *_HOSTS)),
    *("track", "track.mlflow", "publish.sign"),
}


def portable_config(config: "Config", workspace: Path) -> dict[str, Any]:
    """Return the configuration as JSON, without hosts and folders of this machine.

    A path inside the workspace becomes relative to it, any other absolute path its last part.
    Of the folders of the data, only the last part remains.
    """
    values = config.model_dump(mode="json")
    del values["track"]
    values["publish"]["sign"] = None
    data = values["data"]
    data |= dict.fromkeys(_HOSTS)
    data |= {name: data[name] and Path(data[name]).name for name in _FOLDERS}
    result: dict[str, Any] = _each_text(values, lambda text: portable_path(text, workspace))
    return result


def portable_command(config: "Config", workspace: Path) -> str:
    """Return the command that runs the configuration, or nothing if it was not read from a file.

    Paths are those of ``portable_config``; overrides for the data and the tracking of this machine
    are left out.
    """
    file, overrides = config.origin.file, config.origin.overrides
    if file is None:
        return ""
    written = (_portable_override(override, workspace) for override in overrides)
    return shlex.join(["pipeline", "run", portable_path(file, workspace), *filter(None, written)])


def _portable_override(override: str, workspace: Path) -> str | None:
    found = _OVERRIDE.fullmatch(override)
    if found is None or found["key"] in _OF_THE_MACHINE:
        return None
    value = load_yaml(found["value"], override)[1]
    if isinstance(value, dict):
        section = found["key"]
        value = {k: one for k, one in value.items() if f"{section}.{k}" not in _OF_THE_MACHINE}
    portable = _each_text(value, lambda text: portable_path(text, workspace))
    return f"{found['key']}={value_text(portable)}"


def portable_origin(origin: str, workspace: Path) -> str:
    """Return the description of a source of data without the names of its folder and its hosts."""
    named = r"^(files|prepared by TensorFlow Datasets) in .*"
    local = re.sub(named, r"\1 in a local folder", origin)
    hosts = r"^(no host responded|\S+ could not be downloaded) \(.*\)"
    return portable_text(re.sub(hosts, r"\1", local), workspace)


def portable_text(text: str, workspace: Path) -> str:
    """Return a text in which paths begin below the workspace, the home folder, and so on."""
    folders = [workspace, Path.cwd(), Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix)]
    paths = {path for f in folders for path in (f, f.absolute(), f.resolve()) if path.name}
    for path in sorted(map(str, paths), key=len, reverse=True):
        begin = rf"(?:(?<=://)|(?<![\w/.-])){re.escape(path)}"
        text = re.sub(rf"{begin}/", "", text)
        text = re.sub(rf"{begin}(?![\w/-]|\.\w)", ".", text)  # the folder itself
    return text


def portable_path(text: str, workspace: Path) -> str:
    """Return a path relative to the workspace, or its last part; other texts as portable texts."""
    path = Path(text)
    if path == Path.home():  # its last part is the name of the user
        return "~"
    if not re.match(r"/|~\w*/|\.\./", text) or not path.name:
        return portable_text(text, workspace)  # it may contain a path
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
