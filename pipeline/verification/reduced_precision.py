"""Copies in lower precision: consistent in all runtimes, and compared with their originals."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.artifacts.checks import Check
from pipeline.artifacts.cost import Cost
from pipeline.artifacts.formats import FORMATS
from pipeline.tasks.task import Score

# ``export`` accepts a copy by its score in one runtime, on the validation set. Other runtimes round
# slightly differently; there, the score on the test set may differ by as much as a copy may lose by
# default: 0.2 points of accuracy, or 2 percent of the RMSE.
_SPREAD = {"points": 0.2, "percent": 2.0}
EXPORT_RUNTIME = "onnxruntime"  # the runtime that ``export`` uses


def compared_with_originals(
    checks: Sequence[Check], formats: Sequence[str], quality: Score
) -> list[Check]:
    """Add to each copy's checks its times relative to the original's, and any further failures.

    ``formats`` are those of the checks, in order.
    """
    costs = {(name, check.runtime): check.cost for name, check in zip(formats, checks, strict=True)}
    scores = {
        name: check.score
        for name, check in zip(formats, checks, strict=True)
        if check.runtime == EXPORT_RUNTIME
    }
    return [
        _compared(check, costs.get((original, check.runtime)), scores.get(name), quality)
        if (original := FORMATS[name].copy_of)
        else check
        for name, check in zip(formats, checks, strict=True)
    ]


def _compared(check: Check, original: Cost | None, expected: float | None, quality: Score) -> Check:
    failures = check.failures
    if expected is not None and check.score is not None:
        spread = _SPREAD[quality.unit]
        if abs(quality.worsening(check.score, expected)) > spread:
            failures = (
                *failures,
                f"the {quality.title} must be within {spread:g} {quality.unit} of {expected:.4f}, "
                f"the {quality.title} in {EXPORT_RUNTIME}; got {check.score:.4f}",
            )
    return replace(check, failures=failures, times_of_original=_ratios(check.cost, original))


def _ratios(cost: Cost | None, original: Cost | None) -> dict[int, float] | None:
    if cost is None or original is None:
        return None
    return {
        size: time.median_seconds / original.time_per_image[size].median_seconds
        for size, time in cost.time_per_image.items()
    }
