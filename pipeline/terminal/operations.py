"""What the commands for labels and versions print."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal
from rich.markup import escape

from pipeline.errors import RequestError
from pipeline.terminal.layout import new_table, print_line, print_table
from pipeline.terminal.session import print_json

if TYPE_CHECKING:
    from pipeline.publishing.history import Entry
    from pipeline.publishing.moving import Labels, Move
    from pipeline.publishing.removal import RemovedVersion


def assignments(arguments: Sequence[str]) -> dict[str, int | str | None]:
    """Parse ``LABEL=VERSION`` and ``LABEL=``, which removes the label.

    Raises:
        RequestError: an argument has no ``=``.
    """
    for argument in arguments:
        if "=" not in argument:
            raise RequestError(
                f"A label must be written LABEL=VERSION, as in stable=3; got {argument!r}."
            )
    pairs = (argument.split("=", maxsplit=1) for argument in arguments)
    return {label: version or None for label, version in pairs}


def show_moves(moves: "Sequence[Move]", *, as_json: bool, pin: bool | None = None) -> None:
    """Print what each label refers to now, and referred to before; ``pin`` was requested."""
    if as_json:
        print_json({"labels": [asdict(move) for move in moves]})
        return
    for move in moves:
        print_line(escape(f"{_moved(move)}{_pinned(move, pin)}"))


def _pinned(move: "Move", pin: bool | None) -> str:
    if move.pinned:
        return " It is pinned: runs leave it there."
    return " It is not pinned: runs may move it." if pin is False and move.now else ""


def _moved(move: "Move") -> str:
    place = f"The label {move.label} of {move.model}"
    if move.now is None:
        return f"{place} was removed from version {move.before}."
    if move.before is None:
        return f"{place} is new, at version {move.now}."
    if move.before == move.now:
        return f"{place} is already at version {move.now}."
    return f"{place} moved from version {move.before} to {move.now}."


def print_history(labels: "Labels", history: "Sequence[Entry]") -> None:
    """Print the labels of a model, then its history."""
    for label, version in labels.versions.items():
        pinned = f" (pinned{_because(labels.pins[label])})" if label in labels.pins else ""
        state = "" if version in labels.existing else ", which does not exist"
        print_line(escape(f"{label}: version {version}{state}{pinned}"))
    for label in labels.pins.keys() - labels.versions.keys():
        print_line(escape(f"{label}: pinned{_because(labels.pins[label])}, but does not exist"))
    if not labels.versions:
        print_line("The model has no label.")
    if history:
        table = new_table("time", "action", "version", "label", "before", "by", "reason")
        for entry in history:
            cells = (entry.action, entry.version, entry.label, entry.before, entry.by, entry.reason)
            texts = ("" if cell is None else escape(str(cell)) for cell in cells)
            table.add_row(entry.time.removesuffix("+00:00") + "Z", *texts)
        print_table(table)


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def history_document(labels: "Labels", history: "Sequence[Entry]") -> dict[str, Any]:
    """Return the document of ``pipeline label MODEL --json``."""
    return {
        "labels": dict(labels.versions),
        "pins": dict(labels.pins),
        "history": [entry.model_dump(exclude_none=True) for entry in history],
    }


def show_removal(removed: "RemovedVersion", *, undone: bool, as_json: bool) -> None:
    """Print what was removed or restored."""
    if as_json:
        print_json({("restored" if undone else "removed"): asdict(removed)})
        return
    address = f"{removed.model}/{removed.version}"
    if undone:
        print_line(escape(f"Restored {address}."))
    else:
        print_line(
            escape(
                f"Removed {address}. To restore it: pipeline remove {address} --undo. To delete "
                f"what was removed: pipeline gc --keep N."
            )
        )


def show_deleted(deleted: "Sequence[RemovedVersion]", *, dry_run: bool, as_json: bool) -> None:
    """Print which versions were deleted, and how much space that freed."""
    total = sum(one.bytes for one in deleted)
    if as_json:
        documents = [asdict(one) for one in deleted]
        print_json({"dry_run": dry_run, "deleted": documents, "bytes": total})
        return
    if not deleted:
        print_line("There is nothing to delete.")
        return
    for one in deleted:
        print_line(f"{decimal(one.bytes):>10}  {escape(f'{one.model}/{one.version}')}")
    print_line(f"{'Would free' if dry_run else 'Freed'} {decimal(total)}.")
