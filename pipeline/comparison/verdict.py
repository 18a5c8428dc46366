"""Whether a later side is significantly worse than the first one, for ``--fail-if-worse``."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.comparison.over_seeds import MAX_ASSIGNMENTS, MIN_SEEDS, SeedsTest, smallest_p
from pipeline.comparison.pairs import Pair
from pipeline.comparison.sides import CONFIGURATION, Side
from pipeline.comparison.summaries import LOWER_IS_BETTER
from pipeline.errors import RequestError, SignificantlyWorse, did_you_mean

SIGNIFICANCE = 0.05
_SMALLEST = 1 / MAX_ASSIGNMENTS  # of all p-values, with any number of seeds


@dataclass(frozen=True)
class Judgment:
    """The one-sided test of a later side; ``p_value`` is that of being worse."""

    side: str
    test: SeedsTest
    p_value: float
    is_worse: bool


@dataclass(frozen=True)
class Verdict:
    """The judgments of one metric, one for each later side."""

    metric: str
    significance: float
    judgments: tuple[Judgment, ...]


def require_significance(significance: float) -> None:
    """Check a level of significance.

    Raises:
        RequestError: it is not below 1, or smaller than any p-value.
    """
    if not _SMALLEST <= significance < 1:
        raise RequestError(
            f"--significance must be between {_SMALLEST:g} and 1; got {significance:g}. Write "
            f"for example --significance {SIGNIFICANCE}."
        )


def require_testable(sides: Sequence[Side], metric: str, known: Sequence[str]) -> None:
    """Check the metric, and that each side has two seeds.

    Raises:
        RequestError: the metric is unknown, or a side has too few seeds for any conclusion.
    """
    if metric not in known:
        raise RequestError(
            f"--fail-if-worse must name a metric of the test set; got {metric!r}. "
            f"{did_you_mean(metric, known)}Choose from {', '.join(known)}."
        )
    few = [side for side in sides if len(side.members) < MIN_SEEDS]
    if few:
        names = " and ".join(side.name for side in few)
        raise RequestError(
            "--fail-if-worse needs several seeds of each side, because scores also differ between "
            f"seeds of one configuration; got only one seed of {names}. A difference between two "
            f"networks does not tell which configuration is better. {_advice(few)}"
        )


def judge(pairs: Sequence[Pair], metric: str, significance: float) -> Verdict:
    """Return whether each later side is worse at a level of significance.

    Raises:
        RequestError: with so few seeds, no p-value can be as small as the significance.
    """
    for pair in pairs:
        _require_reachable(pair.seeds[metric], (pair.first, pair.other), significance)
    judgments = []
    for pair in pairs:
        test = pair.seeds[metric]
        p_value = test.p_higher if metric in LOWER_IS_BETTER else test.p_lower
        judgments.append(Judgment(pair.other.name, test, p_value, p_value <= significance))
    return Verdict(metric, significance, tuple(judgments))


def require_not_worse(verdict: Verdict | None) -> None:
    """Check the judgments, if there are any.

    Raises:
        SignificantlyWorse: a side is worse.
    """
    judgments = verdict.judgments if verdict else ()
    worse = [judgment for judgment in judgments if judgment.is_worse]
    if verdict and worse:
        listed = "; ".join(
            f"{judgment.side} by {abs(judgment.test.difference):.4g} (p = {judgment.p_value:.4f})"
            for judgment in worse
        )
        raise SignificantlyWorse(
            f"The {verdict.metric} is significantly worse than that of the first side, at the "
            f"significance level {verdict.significance:g}, one-sided: {listed}."
        )


def _require_reachable(test: SeedsTest, sides: Sequence[Side], significance: float) -> None:
    if test.smallest_p <= significance:
        return
    seeds = next(n for n in range(MIN_SEEDS, 1000) if smallest_p(n, n) <= significance)
    counts = " and ".join(map(str, test.seeds))
    raise RequestError(
        f"With {counts} seeds, no p-value can be below {test.smallest_p:.3g}, so --fail-if-worse "
        f"cannot find anything at the significance level {significance:g}. That needs {seeds} "
        f"seeds of each side. {_advice(sides)}"
    )


def _advice(sides: Sequence[Side]) -> str:
    """Return how to get more seeds of sides, and how to use them."""
    commands = " and ".join(
        f"pipeline run {command} train.seed={next_seed} --until evaluate"
        for command, next_seed in {
            side.command: max(member.seed for member in side.members) + 1 for side in sides
        }.items()
    )
    is_expanded = all(side.kind == CONFIGURATION for side in sides)
    expand = (
        "" if is_expanded else " Then add --seeds, which includes all seeds of a run or version."
    )
    return f"To train one more: {commands}; five seeds of each are a good number.{expand}"
