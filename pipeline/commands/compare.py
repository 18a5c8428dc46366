"""``pipeline compare``: what differs between runs, published versions and configurations."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.comparison.comparing import Comparison, compare_sides
from pipeline.comparison.finding import find_side
from pipeline.comparison.page_data import page_data
from pipeline.comparison.sides import Side
from pipeline.comparison.verdict import SIGNIFICANCE, judge, require_significance, require_testable
from pipeline.errors import MissingExtra, RequestError
from pipeline.pages.writing import write_page

if TYPE_CHECKING:
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

TEMPLATE = "comparison.html"
_MIN_SIDES, _MAX_SIDES = 2, 8  # as many as have a column in 100 characters, and colors of their own


def compare_named(
    names: Sequence[str],
    workspace: "Workspace",
    progress: "Progress",
    *,
    seeds: bool,
    metric: str | None,
    significance: float | None,
) -> Comparison:
    """Compare the sides that the names stand for; judge the metric, if there is one.

    Raises:
        RequestError: a side is unknown or cannot be compared, or the metric cannot be judged.
        MissingExtra: SciPy is not installed.
    """
    level = _level(metric, significance)
    _check(names)
    sides = []
    with progress.task("reading", total=len(names)) as task:
        for number, name in enumerate(names):
            task.update(number, name)
            sides.append(find_side(name, workspace, seeds=seeds))
    _check_networks(sides)
    for note in dict.fromkeys(note for side in sides for note in side.notes):
        progress.notice(note)
    comparison = compare_sides(sides)
    if metric is None:
        return comparison
    require_testable(sides, metric, list(comparison.metrics))
    return replace(comparison, verdict=judge(comparison.pairs, metric, level))


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write a comparison as one self-contained HTML page.

    Raises:
        StorageError: the file cannot be written.
    """
    write_page(path, TEMPLATE, page_data(comparison))


def _level(metric: str | None, significance: float | None) -> float:
    """Return the significance, which only a metric to judge needs."""
    if significance is None:
        return SIGNIFICANCE
    if metric is None:
        raise RequestError(f"--significance {significance:g} requires --fail-if-worse. Add it.")
    require_significance(significance)
    return significance


def _check(names: Sequence[str]) -> None:
    if not _MIN_SIDES <= len(names) <= _MAX_SIDES:
        raise RequestError(
            f"A comparison has two to {_MAX_SIDES} sides; got {len(names)}. Write for example "
            "pipeline compare mlp/1 mlp/2"
        )
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise RequestError(f"The sides must differ; got {twice[0]!r} twice. Remove one of them.")
    if find_spec("scipy") is None:
        raise MissingExtra("pipeline compare", "train")


def _check_networks(sides: Sequence[Side]) -> None:
    """Require that no two sides stand for the same networks under different names."""
    known: dict[tuple[str, ...], Side] = {}
    for side in sides:
        networks = tuple(member.name for member in side.members)
        if (other := known.setdefault(networks, side)) is not side:
            raise RequestError(
                f"The sides must differ; {other.name!r} and {side.name!r} both stand for "
                f"{', '.join(networks)}. Remove one of them."
            )
