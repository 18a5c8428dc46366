"""What ``pipeline reproduce`` prints."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from pipeline.artifacts.serialization import to_json
from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.reproduction.files import Answers, FileComparison
    from pipeline.reproduction.links import Change, Link
    from pipeline.reproduction.reproducing import Reproduction
    from pipeline.reproduction.weights import WeightsComparison

_LISTED = 8  # changes
_DIGITS = 12  # of a SHA-256
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a manifest may be from anyone


def reproduction_document(reproduction: "Reproduction") -> dict[str, Any]:
    """Return the document of ``pipeline reproduce --json``."""
    compared, verdict = reproduction.compared, reproduction.verdict
    document = to_json(compared)
    return {
        "model": document.pop("name"),
        "reproduced": verdict.reproduced,
        "outcome": verdict.outcome,
        "sentence": verdict.sentence,
        "test_images": document.pop("images"),
        **document,
        "answers": to_json(compared.answers),
        "not_made_again": list(reproduction.documents),
    }


def print_reproduction(reproduction: "Reproduction") -> None:
    """Print a table of the links, what else differs, and the sentence of a success."""
    compared = reproduction.compared
    table = new_table("", "result", "details")
    table.add_row("data", compared.data.status, _changes(compared.data.changes))
    table.add_row("code", compared.code.status, _link(compared.code))
    table.add_row("packages", compared.packages.status, _changes(compared.packages.changes))
    table.add_row("machine", compared.machine.status, _changes(compared.machine.changes))
    if compared.weights is not None:
        table.add_row("weights", *_weights(compared.weights))
    for file in compared.files:
        table.add_row(escape(file.name), file.status, _file(file, compared.images))
    for metric in compared.metrics:
        status = "same" if metric.then == metric.now else "differs"
        values = f"{metric.now:.6f}" + f", was {metric.then:.6f}" * (status == "differs")
        table.add_row(f"{metric.score} ({escape(metric.split)})", status, values)
    print_table(table)
    if reproduction.documents:
        listed = escape(", ".join(reproduction.documents))
        print_line(f"[dim]Not made again, since they only describe the model: {listed}.[/]")
    if reproduction.verdict.reproduced:  # else it is the text of the error
        print_line(f"[green]{escape(reproduction.verdict.sentence)}[/]")


def _link(link: "Link") -> str:
    if link.status == "same" and link.now:
        return f"SHA-256 {link.now[:_DIGITS]}"
    return _changes(link.changes)


def _changes(changes: "Sequence[Change]") -> str:
    """Return what differs; of long texts, such as hashes, only the name."""
    texts = []
    for change in changes[:_LISTED]:
        then, now = change.then or "none", change.now or "none"
        is_short = len(then) + len(now) <= 2 * _DIGITS + _LISTED
        texts.append(f"{change.name}: {then}, now {now}" if is_short else change.name)
    omitted = len(changes) - _LISTED
    more = f" and {omitted} more" if omitted > 0 else ""
    return escape(_CONTROL.sub(" ", "; ".join(texts) + more))


def _weights(weights: "WeightsComparison") -> tuple[str, str]:
    if weights.contradictory:
        return "differs", "the published file does not have the weights of its manifest"
    if weights.same:
        return "same", f"SHA-256 {(weights.now or '')[:_DIGITS]}"
    if weights.largest_difference is None:
        return "differs", "they have other shapes, or cannot be compared"
    return "differs", f"by at most {weights.largest_difference:.2g}"


def _file(file: "FileComparison", images: int) -> str:
    if file.problem:
        return escape(file.problem)
    parts = [] if not file.weights else [f"weights by at most {file.weights:.2g}"]
    return ", ".join([*parts, *_answers(file.answers, images)])


def _answers(answers: "Answers | None", images: int) -> list[str]:
    if answers is None or answers.same:
        return []
    largest = "without bound" if answers.largest is None else f"by at most {answers.largest:.2g}"
    labels = [] if answers.labels is None else [f"{answers.labels:,} of {images:,} labels"]
    return [f"answers {largest}", *labels]
