"""The tables of a model card, in Markdown: metrics, verification, copies in lower precision."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pipeline.artifacts.checks import Check
from pipeline.artifacts.cost import SLOWER
from pipeline.artifacts.metrics import ClassMetrics, Interval, Metrics
from pipeline.artifacts.reduced_precision import AGREEMENT, Copy


def metrics_tables(
    metrics: Mapping[str, Metrics], intervals: Mapping[str, Interval] = MappingProxyType({})
) -> list[str]:
    """Return the scores of each split and of the best constant prediction, and those by class.

    ``intervals`` are those of the scores on the test set.
    """
    test = metrics["test"]
    return [
        f"| split | loss | {' | '.join(map(title, test.scores))} |",
        "|---|---:|" + "---:|" * len(test.scores),
        *(_split_row(name, values) for name, values in metrics.items()),
        *_interval_row(test, intervals),
        *_baseline_row(test),
        "",
        *_methods(intervals),
        *_class_table(test),
    ]


def verification_table(checks: Sequence[Check], score: str) -> list[str]:
    """Return the table; values have no labels that could be the same."""
    labels = any(check.label_agreement is not None for check in checks)
    columns = ["file", "runtime", "largest difference", "allowed"]
    columns += [*["same labels"] * labels, score, "time per image"]
    return [
        f"| {' | '.join(columns)} |",
        "|---|---|" + "---:|" * (len(columns) - 2),
        *(_verification_row(check, len(columns), labels=labels) for check in checks),
    ]


def copies_section(copies: Sequence[Copy], checks: Sequence[Check]) -> list[str]:
    """Describe the costs and benefits of each copy in lower precision, or why it is left out."""
    if not copies:
        return []
    lines = [_copy(copy, [c for c in checks if c.artifact == copy.artifact]) for copy in copies]
    return ["## Copies in lower precision", "", *lines, ""]


def title(score: str) -> str:
    """Return the name of a score for people."""
    titles = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "roc_auc": "ROC AUC"}
    return titles.get(score, score.replace("_", " "))


def shown(score: str, value: float) -> str:
    """Return the value of a score for people: an accuracy in percent."""
    return f"{100 * value:.2f} %" if score == "accuracy" else f"{value:.4f}"


def interval_text(score: str, interval: Interval) -> str:
    """Return an interval as in "95 % interval 97.90 to 98.42 %"."""
    low, high = (shown(score, value) for value in (interval.low, interval.high))
    return f"{100 * interval.confidence:.0f} % interval {low.removesuffix(' %')} to {high}"


def constant(metrics: Metrics) -> str:
    """Return what the best constant prediction predicts."""
    return "the majority class" if metrics.classes else "the mean"


def _baseline_row(metrics: Metrics) -> list[str]:
    """Return the scores of the best constant prediction on the test set."""
    if not metrics.baseline:
        return []
    numbers = (metrics.baseline.get(name) for name in metrics.scores)
    shown = ("" if number is None else f"{round(number, 4) + 0.0:.4f}" for number in numbers)
    return [f"| test, always {constant(metrics)} | | {' | '.join(shown)} |"]


def _interval_row(metrics: Metrics, intervals: Mapping[str, Interval]) -> list[str]:
    """Return the intervals of the scores on the test set."""
    if not intervals:
        return []
    found = (intervals.get(name) for name in metrics.scores)
    cells = ("" if one is None else f"{one.low:.4f} to {one.high:.4f}" for one in found)
    confidence = 100 * next(iter(intervals.values())).confidence
    return [f"| test, {confidence:.0f} % interval | | {' | '.join(cells)} |"]


def _methods(intervals: Mapping[str, Interval]) -> list[str]:
    """Return how the intervals were computed, and what they cover."""
    if not intervals:
        return []
    methods: dict[str, list[str]] = {}
    for name, interval in intervals.items():
        methods.setdefault(interval.method, []).append(title(name))
    listed = "; ".join(f"{method} for {', '.join(names)}" for method, names in methods.items())
    return [
        f"Intervals ({listed}) cover the choice of the test images, and not that of the seed.",
        "",
    ]


def _class_table(metrics: Metrics) -> list[str]:
    if not metrics.classes:
        return []
    return [
        "| class (test) | precision | recall | F1 | images |",
        "|---|---:|---:|---:|---:|",
        *map(_class_row, metrics.classes),
        "",
    ]


def _split_row(name: str, metrics: Metrics) -> str:
    numbers = (metrics.loss, *metrics.scores.values())
    return f"| {name} | " + " | ".join(f"{number:.4f}" for number in numbers) + " |"


def _class_row(row: ClassMetrics) -> str:
    numbers = " | ".join(f"{number:.4f}" for number in (row.precision, row.recall, row.f1))
    return f"| {row.name} | {numbers} | {row.images:,} |"


def _verification_row(check: Check, columns: int, *, labels: bool) -> str:
    asked = f" ({check.asked})" if check.asked else ""
    name = f"| {check.artifact} | {check.runtime}{asked} "
    if check.cost is None or check.max_abs_diff is None or check.score is None:
        return f"{name}| not run {'| ' * (columns - 3)}|"
    times = check.cost.time_per_image.values()
    shown = ", ".join(f"{1e6 * time.median_seconds:.3g}" for time in times)
    agreement = "" if check.label_agreement is None else f"{100 * check.label_agreement:.2f} %"
    allowed = "" if check.allowed_diff is None else f"{check.allowed_diff:.1e}"
    values = [f"{check.max_abs_diff:.1e}", allowed, *[agreement] * labels]
    return f"{name}| {' | '.join(values)} | {check.score:.4f} | {shown} µs |"


def _copy(copy: Copy, checks: Sequence[Check]) -> str:
    if copy.reason:
        return f"- `{copy.artifact}` is left out: {copy.reason}."
    tested = {f"{check.score:.4f}" for check in checks if check.ran}
    name = title("accuracy" if copy.score_name == AGREEMENT else copy.score_name)
    slower = [
        f"{check.runtime} ({', '.join(f'{ratio:.1f}x' for ratio in ratios.values())})"
        for check in checks
        if (ratios := check.times_of_original) and max(ratios.values()) >= SLOWER
    ]
    return (
        f"- `{copy.artifact}`: {copy.bytes:,} bytes instead of {copy.original_bytes:,}; "
        f"{_measured(copy)}; "
        f"test {name} {' to '.join(sorted(tested))}."
        + (
            f" Slower than float32, for one image or for 256, in: {'; '.join(slower)}."
            if slower
            else ""
        )
    )


def _measured(copy: Copy) -> str:
    if copy.score_name == AGREEMENT:
        return f"the same label as float32 for {100 * copy.score:.2f} % of the training images"
    split = "training" if copy.split == "train" else copy.split
    return f"{split} {title(copy.score_name)} {copy.score:.4f}, {copy.change}"
