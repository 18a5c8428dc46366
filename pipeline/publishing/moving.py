"""Moving labels by command: to a version, or back to the one before."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ModelError, RequestError
from pipeline.publishing.history import (
    Action,
    read_history,
    record,
    record_unrecorded_changes,
    versions_before,
)
from pipeline.publishing.labels import settle_labels, write_labels
from pipeline.publishing.pins import read_pins, set_pin
from pipeline.publishing.published_folder import read_labels, read_version, versions_of
from pipeline.system.atomic import locked

REMOVED = ".removed"  # the folder of removed versions
_LABEL = re.compile(r"(?!\d+$)[\w][\w.-]{0,99}", re.ASCII)  # part of the server's URLs


@dataclass(frozen=True)
class Note:
    """What the history says about a command: why it was run, and by whom."""

    reason: str | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        """Check that both are plain text.

        Raises:
            RequestError: one has control characters, line breaks included, or is not Unicode.
        """
        for name, text in (("reason", self.reason), ("by", self.by)):
            if text and not text.isprintable():
                raise RequestError(f"--{name} must be one line of text; got {text!r}.")


@dataclass(frozen=True)
class Move:
    """A label of a model with the versions that it referred to before and refers to now."""

    model: str
    label: str
    before: int | None
    now: int | None
    pinned: bool


@dataclass(frozen=True)
class Labels:
    """The labels of a model, those that are pinned with the reasons, and the existing versions."""

    versions: dict[str, int]
    pins: dict[str, str | None]
    existing: frozenset[int]


def labels_of(model_folder: Path) -> Labels:
    """Return the labels of a model.

    Raises:
        ModelError: the labels or the pins cannot be read.
    """
    versions = frozenset(versions_of(model_folder))
    return Labels(read_labels(model_folder), read_pins(model_folder), versions)


@contextmanager
def changing(model_folder: Path) -> Iterator[None]:
    """Hold the lock of a model whose interrupted publications and moves by hand are recorded.

    Raises:
        ModelError: the labels, the pins or the history cannot be read.
        StorageError: the folder cannot be written.
    """
    with locked(model_folder):
        read_pins(model_folder)  # before anything changes
        settle_labels(model_folder)
        record_unrecorded_changes(model_folder)
        yield


def move_labels(
    model_folder: Path,
    versions: Mapping[str, int | None],
    note: Note,
    *,
    action: Action = "label",
    pin: bool | None = None,
) -> list[Move]:
    """Let each label refer to a version, or remove it with its pin (None); all or none.

    The files of the versions are checked first. ``pin`` None changes no pin.

    Raises:
        RequestError: a label is not a valid name.
        ModelError: a version does not exist, or was altered, or a label to remove does not exist.
    """
    with changing(model_folder):
        for label, version in versions.items():
            if version is None:
                _require_label_of(model_folder, label)
            else:
                require_label(label)
                require_usable(model_folder, version)
        return [
            _removed(model_folder, label, note)
            if version is None
            else _moved(model_folder, label, version, note, action, pin)
            for label, version in versions.items()
        ]


def _require_label_of(model_folder: Path, label: str) -> None:
    labels = read_labels(model_folder)
    if label not in labels:
        raise ModelError(
            f"{model_folder.name} has no label {label!r}; its labels are "
            f"{', '.join(sorted(labels)) or 'none'}."
        )


def _removed(model_folder: Path, label: str, note: Note) -> Move:
    labels = read_labels(model_folder)
    before = labels.pop(label)
    record(model_folder, "label", label=label, before=before, reason=note.reason, by=note.by)
    write_labels(model_folder, labels)
    if set_pin(model_folder, label, pinned=False, reason=None):
        _record_pin(model_folder, label, None, note)
    return Move(model_folder.name, label, before, None, pinned=False)


def roll_back(model_folder: Path, label: str, note: Note, *, pin: bool | None = None) -> Move:
    """Let a label refer to its previous version; repeat to go back further.

    Raises:
        ModelError: no earlier version is recorded, or it is missing or altered.
    """
    with changing(model_folder):
        earlier = versions_before(read_history(model_folder), label)
        if not earlier:
            raise ModelError(_no_earlier(model_folder, label))
        require_usable(model_folder, earlier[-1])
        return _moved(model_folder, label, earlier[-1], note, "rollback", pin)


def require_label(label: str) -> None:
    """Check the name of a label.

    Raises:
        RequestError: it does not fit into a URL, or is a number as versions are.
    """
    if not _LABEL.fullmatch(label):
        raise RequestError(
            "A label must consist of letters, digits, '.', '-' and '_', and must not be a number; "
            f"got {label!r}."
        )


def _moved(
    model_folder: Path, label: str, version: int, note: Note, action: Action, pin: bool | None
) -> Move:
    labels = read_labels(model_folder)
    before = labels.get(label)
    # First, so that no run can move the label in between.
    repinned = pin is not None and set_pin(model_folder, label, pinned=pin, reason=note.reason)
    if before != version:
        # The entry first: if the label does not follow, the next command records that as well.
        record(
            model_folder,
            action,
            version,
            label=label,
            before=before,
            reason=note.reason,
            by=note.by,
        )
        write_labels(model_folder, {**labels, label: version})
    if repinned:
        _record_pin(model_folder, label, version, note)
    return Move(model_folder.name, label, before, version, label in read_pins(model_folder))


def _record_pin(model_folder: Path, label: str, version: int | None, note: Note) -> None:
    """Record whether a label is pinned now, at the version that it stays at."""
    action: Action = "pin" if label in read_pins(model_folder) else "unpin"
    record(
        model_folder,
        action,
        version,
        label=label,
        before=version,
        reason=note.reason,
        by=note.by,
    )


def require_usable(model_folder: Path, version: int) -> None:
    """Check that a version exists and that its files are those that were published.

    Raises:
        ModelError: it does not exist, or was altered.
    """
    versions = versions_of(model_folder)
    if version not in versions:
        removed = version in versions_of(model_folder / REMOVED)
        address = f"{model_folder.name}/{version}"
        restore = f" To restore {address}: pipeline remove {address} --undo."
        raise ModelError(
            f"{model_folder.name} has no version {version}; {listed_versions(versions)}. "
            f"No label was moved.{restore * removed}"
        )
    read_version(model_folder / str(version)).require_unaltered()


def listed_versions(versions: Sequence[int], kind: str = "version") -> str:
    """Return which versions a model has, as the end of a sentence about it."""
    if not versions:
        return f"it has no {kind}"
    if len(versions) == 1:
        return f"its only {kind} is {versions[0]}"
    return f"its {kind}s are {', '.join(map(str, versions))}"


def _no_earlier(model_folder: Path, label: str) -> str:
    now = read_labels(model_folder).get(label)
    versions = ", ".join(map(str, versions_of(model_folder))) or "none"
    state = f"now at version {now}" if now else "which does not exist"
    return (
        f"The history of {model_folder.name} has no earlier version of the label {label}, {state}. "
        f"Choose one of the versions ({versions}), as in: pipeline label {model_folder.name} "
        f"{label}=VERSION."
    )
