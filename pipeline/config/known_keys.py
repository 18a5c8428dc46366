"""Every key of the configuration, and suggestions for unknown ones."""

import difflib
import re
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from pipeline.config import aliases
from pipeline.config.places import KeyPath
from pipeline.config.schema import Config

_MAX_SUGGESTIONS = 3
_CUTOFF = 0.7  # of difflib's ratio: batchsize is near batch_size, nonsense is near nothing


def section_of(section: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the schema of a key that is itself a section or a list of sections, else None."""
    field = section.model_fields.get(key)
    if field is None:
        return None
    candidates = [field.annotation, *get_args(field.annotation)]
    found = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return found[0] if found else None


def all_keys(section: type[BaseModel] = Config, prefix: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key, sections included, in the order of the schema."""
    for key in section.model_fields:
        path = (*prefix, key)
        yield path
        if inner := section_of(section, key):
            yield from all_keys(inner, path)


def exact_keys(text: str) -> list[str]:
    """Return the keys that match a text: a path, the last part of one, or another tool's name."""
    path = tuple(re.split(r"[:=\s]", text, maxsplit=1)[0].lower().replace("-", "_").split("."))
    if path in all_keys():
        return [".".join(path)]
    if path[-1] in aliases.KEYS:
        return [aliases.KEYS[path[-1]]]
    return [".".join(key) for key in all_keys() if key[-1] == path[-1]][:_MAX_SUGGESTIONS]


def likely_keys(path: KeyPath) -> list[str]:
    """Return the keys that an unknown one may refer to: exact matches, else the nearest ones."""
    if exact := exact_keys(".".join(path)):
        return exact
    known = list(all_keys())
    here = [key for key in known if key[:-1] == path[:-1]]
    near = _near(path[-1], here) or _near(path[-1], known)
    return [".".join(key) for key in near[:_MAX_SUGGESTIONS]]


def advice(path: KeyPath, root: type[BaseModel] = Config) -> str:
    """Return a sentence with the key to write instead of an unknown one."""
    name = path[-1].lower().replace("-", "_")
    if ":" in name:
        return f"Put a space after the colon: {path[-1].replace(':', ': ', 1)}"
    if root is not Config:
        near = _near(name, list(all_keys(root)))
        return f"Did you mean {'.'.join(near[0])}?" if near else _keys_of_section(path, root)
    for known in (".".join((*path[-2:-1], name)), name):
        if known in aliases.ADVICE:
            return aliases.ADVICE[known]
    if likely := likely_keys(path):
        return f"Did you mean {' or '.join(likely)}?"
    return _keys_of_section(path, root)


def _keys_of_section(path: KeyPath, root: type[BaseModel]) -> str:
    section = root
    for part in path[:-1]:
        section = section_of(section, part) or section
    where = f"in {'.'.join(path[:-1])}" if path[1:] else "at the top level"
    return f"The keys {where} are {', '.join(section.model_fields)}."


def _near(name: str, known: list[KeyPath]) -> list[KeyPath]:
    names = dict.fromkeys(key[-1] for key in known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=_CUTOFF)
    return [key for key in known if key[-1] in near]
