"""User code, named in the configuration as ``FILE.py:NAME``."""

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError, sentence

if TYPE_CHECKING:
    from pipeline.config.training_schema import Callback


def load_user_object(config: "Callback", value: Any, key: str) -> Any:
    """Return the object that ``FILE.py:NAME`` names, or None for any other value.

    Raises:
        ConfigError: the file cannot be run, or has no such object.
    """
    reference = config.parse_user_code(value)
    if reference is None:
        return None
    path, name = Path(reference[0]).expanduser(), reference[1]
    try:
        return getattr(_run(path), name)
    except (Exception, SystemExit) as error:  # the file may raise anything
        raise ConfigError(
            f"{key}: cannot load {value!r}: {type(error).__name__}: {sentence(error)} Make sure "
            "that the file runs without errors and defines the name; relative paths start at "
            f"{Path.cwd()}."
        ) from error


def _run(path: Path) -> Any:
    """Run a file as a module, registered by name: dataclasses look their module up by it."""
    spec = importlib.util.spec_from_file_location(f"user_code_{path.stem}", path)
    assert spec is not None, "the name ends in .py"
    assert spec.loader is not None, "as above"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
