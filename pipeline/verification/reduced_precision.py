"""Copies in lower precision: consistent in all runtimes, and compared with their originals."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.artifacts.checks import Check
from pipeline.artifacts.cost import Cost
from pipeline.artifacts.formats import FORMATS

# ``export`` accepts a copy by its accuracy in one runtime, on the validation set. Other runtimes
# round slightly differently; there, the accuracy on the test set may differ by as much as a copy
# may lose by default, 0.2 points.
ACCURACY_SPREAD = 0.002
EXPORT_RUNTIME = "onnxruntime"  # the runtime that ``export`` uses


def compared_with_originals(checks: Sequence[Check], formats: Sequence[str]) -> list[Check]:
    """Add to each copy's checks its times relative to the original's, and any further failures.

    ``formats`` are those of the checks, in order.
    """
    costs = {(name, check.runtime): check.cost for name, check in zip(formats, checks, strict=True)}
    accuracies = {
        name: check.accuracy
        for name, check in zip(formats, checks, strict=True)
        if check.runtime == EXPORT_RUNTIME
    }
    return [
        _compared(check, costs.get((original, check.runtime)), accuracies.get(name))
        if (original := FORMATS[name].copy_of)
        else check
        for name, check in zip(formats, checks, strict=True)
    ]


def _compared(check: Check, original: Cost | None, expected: float | None) -> Check:
    failures = check.failures
    if expected is not None and check.accuracy is not None:
        difference = abs(check.accuracy - expected)
        if difference > ACCURACY_SPREAD:
            failures = (
                *failures,
                f"the accuracy must be within {100 * ACCURACY_SPREAD:g} points of {expected:.4f}, "
                f"the accuracy in {EXPORT_RUNTIME}; got {check.accuracy:.4f}",
            )
    return replace(check, failures=failures, times_of_original=_ratios(check.cost, original))


def _ratios(cost: Cost | None, original: Cost | None) -> dict[int, float] | None:
    if cost is None or original is None:
        return None
    return {
        size: time.median_seconds / original.time_per_image[size].median_seconds
        for size, time in cost.time_per_image.items()
    }
