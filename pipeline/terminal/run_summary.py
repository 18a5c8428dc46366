"""The last lines of a run: the result and what it means, what was proven, the next command."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.artifacts.data_source import SAMPLE
from pipeline.results.sentences import SAMPLE_WARNING, proof, score_text
from pipeline.terminal.check_summary import print_failures
from pipeline.terminal.layout import print_line

if TYPE_CHECKING:
    from pipeline.publishing.publication import Publication
    from pipeline.results.run_result import RunResult


def print_summary(result: "RunResult", workspace: Path) -> None:
    """Print three lines, and one for each check that failed or was not run."""
    print_result(result)
    if result.verification:
        print_line(escape(proof(result.verification)))
        print_failures(result.verification)
    following = f"Next: [bold]{escape(next_command(result, workspace))}[/]"
    if result.publication:
        following = f"{_published(result.publication)} {following}"
    print_line(following)


def print_result(result: "RunResult") -> None:
    """Print the score on the test set, and a warning if the network saw only a sample."""
    if result.metrics:
        print_line(escape(score_text(result.metrics["test"], result.data.test)))
    if result.data.source == SAMPLE:
        print_line(f"[yellow]{SAMPLE_WARNING}[/]")


def next_command(result: "RunResult", workspace: Path) -> str:
    """Return what to do next: serve the published model, or continue the run."""
    place = [] if workspace == Path() else ["-C", str(workspace)]
    if result.published:
        return shlex.join(["pipeline", "serve", result.name, *place])
    origin = result.config.origin
    if origin.file is None:
        return "pipeline run CONFIG"
    return shlex.join(["pipeline", "run", origin.file, *origin.overrides, *place])


_EXISTED = {"verified", "up_to_date"}  # before the run: of a new version, this goes without saying


def _published(publication: "Publication") -> str:
    model, label, now = publication.model, publication.label, publication.label_now
    shown = f"[bold]{escape(str(model.path))}[/] (version {model.version})"
    moved = now == model.version and now != publication.label_before
    if publication.status == "completed":
        text = f"Completed an interrupted publication: {shown} is now labeled {label}."
    elif publication.status == "published":
        text = f"Published {shown}."
    elif publication.status == "verified":
        text = f"{shown} has the same files. Its new verification was recorded beside it."
    else:
        text = f"Up to date: {shown} was published by an earlier run."
    if moved and publication.label_before is None and publication.status in _EXISTED:
        return f"{text} The label {label} is new, at version {now}."
    if moved and publication.label_before is not None:
        return f"{text} The label {label} moved from version {publication.label_before} to {now}."
    if label and now != model.version:
        return f"{text} {_label_elsewhere(publication)}"
    return text


def _label_elsewhere(publication: "Publication") -> str:
    """Return where the label of the run is, why it was not moved, and how to move it."""
    model, label = publication.model, publication.label
    why = f": {publication.pin_reason}" if publication.pin_reason else ""
    pinned = f" It was not moved since it is pinned{why}." if publication.pinned else ""
    moving = f"pipeline label {model.name} {label}={model.version}"
    return escape(
        f"The label {label} is at version {publication.label_now}.{pinned} To move it: {moving}."
    )
