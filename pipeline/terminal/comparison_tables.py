"""The tables of ``pipeline compare``."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from statistics import fmean
from string import ascii_uppercase
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.comparison.two_files import MEANING
from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.artifacts.metrics import Interval
    from pipeline.comparison.changes import ChangedImage, Changes, FilesComparison
    from pipeline.comparison.comparing import Comparison
    from pipeline.comparison.over_seeds import SeedsTest
    from pipeline.comparison.pairs import Pair
    from pipeline.comparison.summaries import CurveSummary, MetricSummary
    from pipeline.comparison.verdict import Verdict

_LISTED = 5  # changed images
_IN_ONE_LINE = 2  # sides; of more, the intervals are below the metrics
_SMALL_P = 0.0001


def print_comparison(comparison: "Comparison") -> None:
    """Print what the sides are, what differs, the tests, the curves, and size and speed."""
    letters = ascii_uppercase[: len(comparison.sides)]
    for letter, side in zip(letters, comparison.sides, strict=True):
        shown = ", ".join(str(member.seed) for member in side.members)
        print_line(f"[bold]{letter}[/]  {escape(side.description)} (train.seed {shown})")
    _print_differences(comparison, letters)
    _print_metrics(comparison, letters)
    for letter, pair in zip(letters[1:], comparison.pairs, strict=True):
        _print_pair(pair, letter)
    _print_curves(comparison, letters)
    _print_runtimes(comparison, letters)
    if comparison.verdict:
        _print_verdict(comparison.verdict, letters)


def _print_differences(comparison: "Comparison", letters: str) -> None:
    if not comparison.differences:
        print_line("\nThe configurations are the same.")
        return
    table = new_table("configuration", *letters)
    for key, values in comparison.differences.items():
        table.add_row(escape(key), *map(_value, values))
    print_table(table)


def _value(value: object) -> str:
    return escape(value if isinstance(value, str) else json.dumps(value))


def _print_metrics(comparison: "Comparison", letters: str) -> None:
    images = comparison.sides[0].first.metrics.images
    table = new_table(f"test set, {images:,} images", *letters)
    between = " " if len(letters) <= _IN_ONE_LINE else "\n"
    for name, summaries in comparison.metrics.items():
        table.add_row(name, *(_metric(one, between) for one in summaries))
    print_table(table)
    is_mean = any(len(side.members) > 1 for side in comparison.sides)
    means = "Means over the seeds. " * is_mean
    print_line(
        f"[dim]{means}In brackets: 95 % confidence intervals, for other test images if there is "
        "one seed, for other seeds if there are several.[/]"
    )


def _metric(summary: "MetricSummary", between: str) -> str:
    interval = summary.interval
    return f"{summary.mean:.4f}" + (between + _interval(interval, ".4f") if interval else "")


def _interval(interval: "Interval", form: str) -> str:
    return escape(f"[{interval.low:{form}}, {interval.high:{form}}]")


def _print_pair(pair: "Pair", letter: str) -> None:
    print_line(f"\n[bold]{letter} against A[/]")
    if pair.seeds:
        _print_seeds(pair.seeds)
        print_line("Two networks, of one seed each:")
    _print_files(pair.files)


def _print_seeds(tests: "dict[str, SeedsTest]") -> None:
    table = new_table("over the seeds", "difference", "95 % interval", "p")
    for name, test in tests.items():
        interval = _interval(test.interval, "+.4f")
        table.add_row(name, f"{test.difference:+.4f}", interval, p_text(test.p_value))
    print_table(table)
    test = next(iter(tests.values()))
    print_line(
        f"[dim]Two-sided permutation tests of {test.seeds[0]} and {test.seeds[1]} seeds "
        f"({test.assignments:,} assignments); intervals: Welch's t.[/]"
    )


def _print_files(files: "FilesComparison") -> None:
    test = files.test
    print_line(
        f"{escape(files.after)} against {escape(files.before)}: {test.score} "
        f"{test.difference:+.4f} {_interval(test.interval, '+.4f')}, p = "
        f"{p_text(test.p_value)} ({test.method})."
    )
    print_line(f"[dim]{MEANING}[/]")
    is_label = test.score == "accuracy"
    print_line(_changed(files.worse, "right to wrong" if is_label else "a larger error", is_label))
    print_line(
        _changed(files.better, "wrong to right" if is_label else "a smaller error", is_label)
    )


def _changed(changes: "Changes", how: str, is_label: bool) -> str:
    plural = "" if changes.count == 1 else "s"
    verb = "changed from" if is_label else "have" if plural else "has"
    return f"{changes.count:,} test image{plural} {verb} {how}{_examples(changes)}"


def _examples(changes: "Changes") -> str:
    if not changes.images:
        return "."
    listed = ", ".join(map(_example, changes.images[:_LISTED]))
    return f": {listed}{', ...' if changes.count > _LISTED else '.'}"


def _example(image: "ChangedImage") -> str:
    label = "" if image.label in {image.before, image.after} else f"{image.label}: "
    return escape(f"{image.index} ({label}{image.before} -> {image.after})")


def _print_curves(comparison: "Comparison", letters: str) -> None:
    columns = ("epochs", "last val_loss", "best val_loss", "in epoch")
    table = new_table("learning curves", *columns)
    for letter, curves in zip(letters, comparison.curves, strict=True):
        if curves:
            table.add_row(letter, *_curves(curves))
    if table.rows:
        print_table(table)


def _curves(curves: "Sequence[CurveSummary]") -> tuple[str, ...]:
    """Return the means of the losses over the seeds, and the ranges of the epochs."""
    return (
        _range([curve.epochs for curve in curves]),
        _mean([curve.last for curve in curves]),
        _mean([curve.best for curve in curves]),
        _range([curve.best_epoch for curve in curves]),
    )


def _mean(epochs: "Sequence[Mapping[str, float]]") -> str:
    """Return the mean of the validation losses, if there are any."""
    losses = [logs["val_loss"] for logs in epochs if "val_loss" in logs]
    return f"{fmean(losses):.4f}" if losses else ""


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _print_runtimes(comparison: "Comparison", letters: str) -> None:
    """Print size and speed of each file in each runtime that verified it."""
    rows: dict[tuple[str, str], list[str]] = {}
    sizes: dict[str, list[str]] = {}
    empty = ["-"] * len(letters)
    for position, summaries in enumerate(comparison.runtimes):
        for found in summaries:
            key = found.artifact, found.runtime
            times = found.seconds_per_image.values()
            rows.setdefault(key, [*empty])[position] = _microseconds(times)
            size = "-" if found.bytes is None else f"{found.bytes / 1e6:.2f} MB"
            sizes.setdefault(found.artifact, [*empty])[position] = size
    if not rows:
        return
    table = new_table("file, runtime", *letters)
    for artifact, keys in groupby(sorted(rows, key=lambda key: list(sizes).index(key[0])), _file):
        table.add_row(f"[bold]{escape(artifact)}[/]", *sizes[artifact])
        for key in keys:
            table.add_row(f"  {escape(key[1])}", *rows[key])
    print_table(table)
    print_line("[dim]Microseconds per image, median: alone / in a batch of 256.[/]")


def _file(key: tuple[str, str]) -> str:
    return key[0]


def _microseconds(seconds: Iterable[float]) -> str:
    return " / ".join(f"{1e6 * one:.{0 if one >= 1e-5 else 1}f}" for one in seconds)  # noqa: PLR2004


def _print_verdict(verdict: "Verdict", letters: Sequence[str]) -> None:
    print_line("")
    for letter, judgment in zip(letters[1:], verdict.judgments, strict=True):
        state = "[red]significantly worse[/]" if judgment.is_worse else "[green]not worse[/]"
        sign = "<=" if judgment.is_worse else ">"
        test = judgment.test
        print_line(
            f"{verdict.metric} of {letter} against A: {state}, {test.difference:+.4f}, one-sided "
            f"p = {p_text(judgment.p_value)} {sign} {verdict.significance:g} ({test.method}, "
            f"{test.seeds[1]} and {test.seeds[0]} seeds)"
        )


def p_text(p_value: float) -> str:
    """Return a p-value with four decimal places."""
    return f"{p_value:.4f}" if p_value >= _SMALL_P else f"{p_value:.0e}"
