"""References to Python files of the user, ``FILE.py:NAME``: checked without running a file."""

import ast
import symtable
import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import decode_source
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, did_you_mean, sentence
from pipeline.progress import Progress

if TYPE_CHECKING:
    from pipeline.config.schema import Config

# A module that uses one of these, or ``import *``, may define more names than its text shows.
_DYNAMIC = {"__getattr__", "eval", "exec", "globals", "setattr", "vars"}


@dataclass(frozen=True)
class Reference:
    """A reference to an object of a file, and the key of the configuration that has it."""

    file: str
    name: str
    key: str
    place: str

    def __str__(self) -> str:
        """As it is written in the configuration."""
        return f"{self.file}:{self.name}"


def references(config: "Config") -> list[Reference]:
    """Return the references of all callbacks, in order."""
    found = []
    for number, callback in enumerate(config.train.callbacks):
        for argument, value in {"name": callback.name, **callback.arguments}.items():
            parsed = callback.parse_user_code(value)
            if parsed is not None:
                key = f"train.callbacks[{number}].{argument}"
                found.append(Reference(*parsed, key, config.place_of(key)))
    return found


def check_references(config: "Config") -> list[str]:
    """Check that every file defines the name, and return a sentence for each unclear case.

    Raises:
        ConfigError: a file is missing, is not Python, or does not define the name.
    """
    return [text for reference in references(config) if (text := _check(reference))]


def refuse_own_code(config: "Config") -> None:
    """Require that the configuration refers to no Python file.

    Raises:
        ConfigError: it refers to one.
    """
    for reference in references(config):
        raise ConfigError(
            f"{reference.key} in {reference.place} refers to {str(reference)!r}, but "
            "--no-own-code does not allow a run to execute such files. Remove the callback, or "
            f"read {reference.file} and run without the option."
        )


def announce_own_code(config: "Config", progress: Progress) -> None:
    """Tell which files are about to be run."""
    if files := _files(config):
        progress.notice(
            f"Running {files}, which train.callbacks refers to (--no-own-code prevents this)."
        )


def skipped_own_code(config: "Config") -> str | None:
    """Return a sentence on what a command that runs no files cannot check, or None."""
    if not (files := _files(config)):
        return None
    return (
        f"The names in {files} were checked without running any code; pipeline run checks the rest."
    )


def _files(config: "Config") -> str:
    return " and ".join(dict.fromkeys(reference.file for reference in references(config)))


def _check(reference: Reference) -> str | None:
    content = _read(reference)
    try:
        source = decode_source(content)
        with warnings.catch_warnings():  # they are shown when the file is run
            warnings.simplefilter("ignore")
            symbols = symtable.symtable(source, reference.file, "exec").get_symbols()
            is_dynamic = any(map(_defines_more, ast.walk(ast.parse(source))))
    except SyntaxError as error:
        line = f" (line {error.lineno})" if error.lineno else ""
        raise _invalid(reference, f"the file is not valid Python: {error.msg}{line}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise _invalid(reference, f"Python cannot parse the file: {sentence(error)}") from error
    defined = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    if reference.name in defined:
        return None
    if is_dynamic:
        return f"{reference} was not checked, since {reference.file} may define it when it is run."
    near = did_you_mean(reference.name, defined)
    raise _invalid(reference, f"the file does not define {reference.name}. {near}".rstrip())


def _read(reference: Reference) -> bytes:
    path = Path(reference.file)
    with suppress(RuntimeError):  # ~NAME of an unknown user
        path = path.expanduser()
    if not path.is_file():
        problem = f"there is no file {path.absolute()}. Write FILE.py:NAME, with a path relative "
        raise _invalid(reference, f"{problem}to the current directory.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _invalid(reference, f"the file cannot be read: {error.strerror}.") from error


def _invalid(reference: Reference, problem: str) -> ConfigError:
    where = f"{reference.key} in {reference.place}"
    return ConfigError(f"{where} refers to {str(reference)!r}, but {problem}")


def _defines_more(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.names[0].name == "*"
    names = (getattr(node, "id", None), getattr(node, "name", None))
    return isinstance(node, ast.Global) or not _DYNAMIC.isdisjoint(names)
