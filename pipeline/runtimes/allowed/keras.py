"""The classes that the configuration of a Keras file names, and the files in its archive."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from pipeline.runtimes.allowed.keras_layers import CLASSES, VALUES

_CONFIG = "config.json"
_ENTRIES = {"metadata.json", _CONFIG, "model.weights.h5"}  # further ones are assets
_MAX_CONFIG_BYTES = 64 * 2**20
_MAX_EXPANSION = 4  # Keras does not compress; weights that are all alike need not be accepted
_SMALL_BYTES = 2**20


def disallowed(path: Path) -> list[str]:
    """Return everything in a ``.keras`` file that is not allowed, such as ``keras.layers.Lambda``.

    Raises:
        ValueError: it is not a Keras file.
    """
    try:
        with ZipFile(path) as archive:
            found = list(_in_archive(archive, path.stat().st_size))
            if found:
                return found
            config = json.loads(archive.read(_CONFIG))
    except (BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"it is not a Keras archive ({error})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{_CONFIG} must be an object")
    config.pop("compile_config", None)  # not used: models are loaded with compile=False
    return list(_in_config(config))


def _in_archive(archive: ZipFile, size: int) -> Iterator[str]:
    names = [entry.filename for entry in archive.infolist()]
    yield from (f"the entry {name}" for name in names if name not in _ENTRIES)
    yield from (f"the entry {name} twice" for name in _ENTRIES if names.count(name) > 1)
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _MAX_EXPANSION * size + _SMALL_BYTES:
        yield f"entries of {unpacked:,} bytes compressed to {size:,}"
    configs = [entry for entry in archive.infolist() if entry.filename == _CONFIG]
    if any(entry.file_size > _MAX_CONFIG_BYTES for entry in configs):
        yield f"a {_CONFIG} of more than {_MAX_CONFIG_BYTES:,} bytes"


def _in_config(value: Any) -> Iterator[str]:
    """Yield every class that is not allowed, wherever it is; Keras deserializes them anywhere."""
    if isinstance(value, list):
        for item in value:
            yield from _in_config(item)
    if isinstance(value, dict):
        yield from _in_object(value)
        for item in value.values():
            yield from _in_config(item)


def _in_object(value: dict[str, Any]) -> Iterator[str]:
    if value.get("compile_config"):
        yield "a compile_config within the model"
    if "class_name" not in value:
        return
    name, module, registered = (value.get(k) for k in ("class_name", "module", "registered_name"))
    known = VALUES if module is None else CLASSES.get(str(module), frozenset())
    if not isinstance(name, str) or name not in known or registered not in (None, name):
        yield ".".join(str(part) for part in (module, registered or name) if part is not None)
