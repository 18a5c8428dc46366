"""Sentences about a result, for the terminal and for notebooks: the score, and what was proven."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.artifacts.checks import Check
    from pipeline.publishing.published_folder import PublishedModel
    from pipeline.results.summaries import DataSummary, SplitMetrics

SAMPLE_WARNING = "Trained on a SAMPLE of 5,000 digits, not on the full data set."


def headline_text(metrics: "SplitMetrics") -> str:
    """Return the most important score in two words."""
    name, score = next(iter(metrics.scores.items()))
    return f"{name} {score:.4f}"


def score_text(test: "SplitMetrics", images: int) -> str:
    """Return the score on the test set and what it means, in numbers of images."""
    name, score = next(iter(test.scores.items()))
    baseline = test.baseline.get(name)
    if name != "accuracy":
        than = "" if baseline is None else f"; always predicting the mean gives {baseline:.3f}"
        return f"Test {name.upper()} {score:.3f} on {images:,} images{than}."
    from pipeline.evaluation.intervals import accuracy_interval

    wrong = round((1 - score) * images)
    interval = accuracy_interval(images - wrong, images)
    return (
        f"Test accuracy {100 * score:.2f} % (95 % CI {100 * interval.low:.2f} to "
        f"{100 * interval.high:.2f}): {wrong:,} of {images:,} misclassified"
    )


def trained_text(data: "DataSummary", parameters: int | None) -> str:
    """Return the size of the network and the images that it was trained on, or only these."""
    images = f"{data.train:,} images of {data.name}"
    if parameters is None:
        return (
            f"{images} for training, {data.validation:,} for validation, {data.test:,} for testing."
        )
    return f"{parameters:,} parameters, trained on {images}."


def published_text(model: "PublishedModel") -> str:
    """Return where a model is published, and the labels of its version."""
    labels = f", labeled {', '.join(model.labels)}" if model.labels else ", without a label"
    return f"Published: {model.path}, version {model.version}{labels}."


def proof(checks: "Sequence[Check]") -> str:
    """Return what was proven in one sentence; differences are those closest to their tolerance."""
    proven = [check for check in checks if check.passed]
    if not proven:
        return "No file was verified."
    counts = (
        _count({check.artifact for check in proven}, "file"),
        _count({check.runtime for check in proven}, "runtime"),
        _count(proven, "check"),
    )
    text = "Verified {} in {}, {}".format(*counts)
    by_precision = groupby(sorted(proven, key=_precision), key=_precision)
    differences = [_difference(name, closest(list(group))) for name, group in by_precision]
    shown = "; ".join(filter(None, differences))
    return f"{text}: {shown}" if shown else f"{text}."


def failures(checks: "Iterable[Check]") -> list[str]:
    """Return each check that failed, with its reasons."""
    return [
        f"{check.artifact} in {check.runtime}: {'; '.join(check.failures)}"
        for check in checks
        if check.failures
    ]


def not_run(checks: "Sequence[Check]") -> list[str]:
    """Return the runtimes that are not installed, and how to install them."""
    found = []
    for advice in dict.fromkeys(check.advice for check in checks if check.advice):
        names = dict.fromkeys(check.runtime for check in checks if check.advice == advice)
        found.append(f"in {', '.join(names)}. To install: {advice}")
    return found


def closest(checks: "Iterable[Check]") -> "Check | None":
    """Return the check whose difference takes up most of its tolerance, if any has both."""
    measured = [check for check in checks if check.allowed_diff and check.max_abs_diff is not None]
    return max(measured, key=_share_of_tolerance, default=None)


def _share_of_tolerance(check: "Check") -> float:
    return (check.max_abs_diff or 0.0) / (check.allowed_diff or 1.0)


def _precision(check: "Check") -> tuple[bool, str]:
    return check.precision != "float32", check.precision


def _difference(precision: tuple[bool, str], check: "Check | None") -> str:
    """Return a difference beside its tolerance; the precision of the trained model is not named."""
    if check is None:
        return ""
    of = f"{precision[1]} " if precision[0] else "difference "
    return f"{of}{check.max_abs_diff:.1e} (tolerance {check.allowed_diff:.1e})"


def _count(things: "Sequence[object] | set[str]", name: str) -> str:
    return f"{len(things)} {name}" if len(things) == 1 else f"{len(things)} {name}s"
