"""The output of ``pipeline runs`` and ``pipeline clean``: tables for people, JSON documents."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal
from rich.markup import escape

from pipeline.config.known_keys import exact_keys
from pipeline.terminal.layout import headline, new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.artifacts.metrics import Metrics
    from pipeline.commands.clean import Removed
    from pipeline.commands.runs import Run

_REASON_CHARACTERS = 60
_COLUMNS = ("run", "when", "data", "changes", "val", "test", "time", "status")
_FOLDED = {"when", "data", "changes", "status"}  # in narrow terminals
_ONE_LINE_EACH = 2000  # characters in a pipe, so that a row can be found with grep


def print_runs(runs: "Sequence[Run]", damaged: Sequence[str]) -> None:
    """Print a row for each run, and a line for each damaged record."""
    if runs:
        _print_table(runs)
    elif not damaged:
        print_line("No run is recorded yet. To start one: pipeline run")
    for text in damaged:
        print_line(f"[red]damaged[/] {escape(text)}")


def _print_table(runs: "Sequence[Run]") -> None:
    table = new_table(*_COLUMNS)
    table.padding = (0, 1, 0, 0)
    for column in table.columns:
        column.no_wrap = column.header not in _FOLDED
    for run in runs:
        table.add_row(*map(escape, _row(run)))
    print_table(table, width_of_pipes=_ONE_LINE_EACH)


def _row(run: "Run") -> tuple[str, ...]:
    changes = run.record.changes
    return (
        run.id,
        _when(run.record.started),
        _data(run),
        _changes({_short(key): value for key, value in changes.items() if key != "name"}),
        _score(run, "validation"),
        _score(run, "test"),
        _seconds(run.training_seconds),
        _status(run),
    )


def _short(key: str) -> str:
    """Return a dotted key without its sections, unless another section has the same key."""
    section, _, last = key.rpartition(".")
    if last == "name":
        return section.rpartition(".")[2]
    return last if len(exact_keys(last)) < 2 else key  # noqa: PLR2004


def print_one_run(run: "Run") -> None:
    """Print everything about one run."""
    record = run.record
    finished = _local(record.finished) if record.finished else ""
    lines = [
        ("run", run.id),
        ("status", _where(run)),
        ("last stage", record.until),
        ("configuration", record.file or "made in Python"),
        ("changed keys", _changes(record.changes) or "none"),
        ("data", _data(run)),
        ("started", _local(record.started)),
        ("finished", f"{finished} ({_seconds(record.seconds)})" if finished else ""),
        ("training", _seconds(run.training_seconds)),
        *(("published", str(path)) for path in run.published),
    ]
    for name, text in lines:
        if text:
            print_line(f"[bold]{name:14}[/]{escape(text)}")
    if run.metrics:
        _print_metrics(run.metrics)
    _print_outputs(run)
    if record.error:
        print_line(f"[red]{record.error.type}[/]: {escape(record.error.message)}")
    if run.command and run.status != "running":
        verb = "resume" if run.status == "interrupted" else "run it again"
        print_line(f"To {verb}: {escape(run.command)}")


def _print_metrics(metrics: "dict[str, Metrics]") -> None:
    scores = list(next(iter(metrics.values())).scores)
    table = new_table("", *scores, "loss", "images")
    for split, values in metrics.items():
        numbers = [values.scores[name] for name in scores]
        shown = (f"{number:.4f}" for number in (*numbers, values.loss))
        table.add_row(split, *shown, f"{values.images:,}")
    print_table(table)


def _print_outputs(run: "Run") -> None:
    for output in run.outputs:
        path = f"{_seconds(output.seconds):9}{output.path}" if output.exists else "no output"
        print_line(f"[bold]{output.stage:14}[/]{escape(path)}")


def _where(run: "Run") -> str:
    """Return the status, and where the run was interrupted."""
    stopped = run.status == "interrupted" and run.stopped_in
    preposition = "at" if stopped and stopped.startswith("epoch") else "in"
    return f"{run.status} {preposition} {stopped}" if stopped else run.status


def _status(run: "Run") -> str:
    if run.record.error and run.status == "failed":
        reason = textwrap.shorten(run.record.error.message, _REASON_CHARACTERS, placeholder=" …")
        return f"failed: {reason or run.record.error.type}"
    return _where(run)


def _data(run: "Run") -> str:
    return f"{run.data} (SAMPLE)" if run.sampled else run.data


def _changes(changes: dict[str, Any]) -> str:
    return " ".join(f"{key}={_value(value)}" for key, value in changes.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _score(run: "Run", split: str) -> str:
    return headline(run.metrics[split]) if split in run.metrics else ""


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f} s"


def _when(time: str) -> str:
    """Return the day and time, or only the date if it was in another year."""
    local = datetime.fromisoformat(time).astimezone()
    is_recent = local.year == datetime.now(UTC).astimezone().year
    return local.strftime("%b %d %H:%M" if is_recent else "%Y-%m-%d")


def _local(time: str) -> str:
    """Return a time of a record in the local time zone."""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")


def run_document(run: "Run") -> dict[str, Any]:
    """Return the document of ``pipeline runs NAME_OR_HASH --json``."""
    record = asdict(run.record)
    del record["stages"], record["status"]
    return {
        "id": run.id,
        "status": run.status,
        "stopped_in": run.stopped_in,
        **record,
        "training_seconds": run.training_seconds,
        "metrics": {split: _metrics(values) for split, values in run.metrics.items()},
        "stages": [
            {
                "name": output.stage,
                "fingerprint": output.fingerprint,
                "path": str(output.path),
                "exists": output.exists,
                "seconds": output.seconds,
            }
            for output in run.outputs
        ],
        "published": [str(path) for path in run.published],
        "command": run.command,
    }


def _metrics(values: "Metrics") -> dict[str, Any]:
    """Return the same as in the document of ``pipeline run``."""
    name, score = values.headline
    baseline = {name: values.baseline[name]} if values.baseline else {}
    return {name: score, "loss": values.loss, "baseline": baseline}


def print_removed(removed: "Sequence[Removed]", *, dry_run: bool) -> None:
    """Print each file and folder that was removed, and how much space that freed."""
    if not removed:
        print_line("There is nothing to remove.")
        return
    for one in removed:
        print_line(f"{decimal(one.bytes):>10}  {escape(str(one.path))}")
    total = decimal(sum(one.bytes for one in removed))
    done = "Would free" if dry_run else "Freed"
    print_line(f"{done} {total}.")


def clean_document(removed: "Sequence[Removed]", *, dry_run: bool) -> dict[str, Any]:
    """Return the document of ``pipeline clean --json``."""
    return {
        "dry_run": dry_run,
        "removed": [{"path": str(one.path), "bytes": one.bytes} for one in removed],
        "bytes": sum(one.bytes for one in removed),
    }
