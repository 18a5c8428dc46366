"""What is shown of each side: metrics with intervals, learning curves, size and speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from pipeline.artifacts.metrics import Interval
from pipeline.comparison.changes import errors_of
from pipeline.comparison.sides import Member, Side
from pipeline.evaluation.intervals import accuracy_interval, mean_interval, rmse_interval

LOSS = "loss"
LOWER_IS_BETTER = {LOSS, "rmse", "mae", "expected_calibration_error"}


@dataclass(frozen=True)
class MetricSummary:
    """A metric on the test set: the mean over seeds, its interval, and the value of each seed.

    The interval of several seeds is about other seeds, that of a single one about other images.
    """

    mean: float
    interval: Interval | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class CurveSummary:
    """A learning curve: the validation loss and score after the last epoch and after the best.

    The best epoch, counted from 1, is that with the smallest validation loss.
    """

    member: str
    epochs: int
    last: dict[str, float]
    best_epoch: int
    best: dict[str, float]


@dataclass(frozen=True)
class RuntimeSummary:
    """A file in a runtime: its size, and seconds per image by batch size (medians)."""

    artifact: str
    runtime: str
    bytes: int | None
    seconds_per_image: dict[int, float]


def metric_names(sides: Sequence[Side]) -> list[str]:
    """Return the metrics that all sides have: the scores, the most important first, and the loss.

    The scores are those of the first side's task.
    """
    names = [*sides[0].first.metrics.scores, LOSS]
    members = [member for side in sides for member in side.members]
    return [n for n in names if all(n == LOSS or n in m.metrics.scores for m in members)]


def summarize_metric(side: Side, metric: str) -> MetricSummary:
    """Return the mean of a metric over the seeds of a side, with a confidence interval."""
    values = side.scores(metric)
    interval = mean_interval(values) or _interval_of_one(side.first, metric)
    return MetricSummary(fmean(values), interval, tuple(values))


def _interval_of_one(member: Member, metric: str) -> Interval | None:
    """Return the interval of a metric of one network, if it is an accuracy or an RMSE."""
    if metric == "accuracy":
        images = member.metrics.images
        return accuracy_interval(round(member.score(metric) * images), images)
    if metric == "rmse":
        return rmse_interval(errors_of(member, member.test_set.labels()))
    return None


def summarize_curves(side: Side) -> tuple[CurveSummary, ...]:
    """Return the last and the best epoch of each member whose history is stored."""
    return tuple(_summarize_curve(member) for member in side.members if member.history)


def _summarize_curve(member: Member) -> CurveSummary:
    name = "val_loss" if "val_loss" in member.history[0] else "loss"
    best = int(np.argmin([logs[name] for logs in member.history]))
    return CurveSummary(
        member=member.name,
        epochs=len(member.history),
        last=dict(member.history[-1]),
        best_epoch=best + 1,
        best=dict(member.history[best]),
    )


def summarize_runtimes(side: Side) -> tuple[RuntimeSummary, ...]:
    """Return size and speed from the checks of the first member that has any."""
    checks = next((member.checks for member in side.members if member.checks), ())
    return tuple(
        RuntimeSummary(
            check.artifact,
            check.runtime,
            check.bytes,
            {batch: time.median_seconds for batch, time in check.cost.time_per_image.items()},
        )
        for check in checks
        if check.ran and check.cost
    )
