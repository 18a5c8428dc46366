"""Where a configuration came from: its file, the overrides, and the keys that they changed."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The file and the overrides as given; ``file`` is None if the configuration was not read.

    ``changes`` maps the keys that have another value than with the file alone to their new values;
    a key that only the file sets is None.
    """

    file: str | None = None
    overrides: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested sections by their dotted keys, such as ``train.epochs``."""
    flat: dict[str, Any] = {}
    for key, inner in values.items():
        if isinstance(inner, dict):
            flat |= flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the dotted keys whose values differ, with the new ones."""
    old, new = flatten(before), flatten(after)
    # A section that was removed is None now; a key that is None as if it were absent is no change.
    sections = {key for key in new if any(other.startswith(f"{key}.") for other in old)}
    changed = {k: value for k, value in new.items() if old.get(k) != value or k in sections}
    removed = {key: None for key in old if not any(_overlap(key, other) for other in new)}
    return changed | removed


def _overlap(key: str, other: str) -> bool:
    """Return whether two keys are the same, or one is in the section that the other names."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")
