"""Find the file that the name or the path of a configuration refers to."""

import difflib
from pathlib import Path

from pipeline.config.known_keys import exact_keys
from pipeline.errors import ConfigError

FOLDER = Path("configs")
STUDIES = FOLDER / "studies"
_DEFAULT = "mlp.yaml"
_ENDINGS = (".yaml", ".yml")


def find_config(path: Path, folder: Path = FOLDER, kind: str = "configuration") -> Path:
    """Return the file of a path, or ``FOLDER/NAME.yaml`` for a NAME such as ``lecture/softmax``.

    ``kind`` is what the file should be, for messages.

    Raises:
        ConfigError: there is no such file.
    """
    path = path.expanduser()
    if path == Path():  # an empty argument too
        raise ConfigError(f"No {kind} file is specified. {_suggest_file(path, folder)}")
    if path.is_file():
        return path
    if (named := _named(path, folder)) is not None:
        return named
    if path.is_dir():
        raise ConfigError(f"{path} is a folder, not a {kind}. {_suggest_file(path, path)}")
    if path.exists():  # a pipe, for example
        return path
    raise ConfigError(f"No such {kind} file: {str(path)!r}. {_suggestion(path, folder)}")


def is_config(text: str) -> bool:
    """Return whether a text names a configuration: a YAML file, or one in ``configs/``."""
    return text.endswith(_ENDINGS) or (bool(text) and _named(Path(text), FOLDER) is not None)


def _named(path: Path, folder: Path) -> Path | None:
    named = folder / f"{path}{'' if path.suffix in _ENDINGS else '.yaml'}"
    inside = not path.is_absolute() and ".." not in path.parts
    return named if inside and named.is_file() else None


def _suggestion(path: Path, folder: Path) -> str:
    if path.suffix not in _ENDINGS and folder == FOLDER and (keys := exact_keys(str(path))):
        return f"To set a key, write KEY=VALUE without spaces: {keys[0]}=VALUE."
    inner = folder / path.name
    return _suggest_file(path, inner if inner.is_dir() else folder)


def _suggest_file(path: Path, folder: Path) -> str:
    files = [file for subfolder in ("", "*/") for file in _configs(folder, subfolder)]
    files = [file for file in files if folder != FOLDER or file.parent != STUDIES]
    near = difflib.get_close_matches(path.stem, [file.stem for file in files], n=1)
    if near and folder != path:
        return f"Did you mean {next(file for file in files if file.stem == near[0])}?"
    if not files and folder == STUDIES:
        return (
            "Specify a YAML file; `{name: seeds, base: CONFIG.yaml, axes: {train.seed: [0, 1, "
            "2]}}` is a complete file."
        )
    if not files:
        return (
            "Specify a YAML file; `pipeline config --schema` describes its keys, and `{name: mlp, "
            "model: {hidden: [128]}}` is a complete file."
        )
    files.sort(key=lambda file: file.name != _DEFAULT)  # stable: only the default comes first
    return f"Specify a file, for example {', '.join(str(file) for file in files[:4])}."


def _configs(folder: Path, subfolder: str) -> list[Path]:
    return sorted(file for ending in _ENDINGS for file in folder.glob(f"{subfolder}*{ending}"))
