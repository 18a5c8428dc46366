"""The quality gate after evaluation: accuracy or RMSE on the validation set."""

from typing import TYPE_CHECKING

from pipeline.errors import AccuracyTooLow, RmseTooHigh
from pipeline.tasks.registry import task_of

if TYPE_CHECKING:
    from pipeline.config.schema import Config

_ACCURACY, _RMSE = "min_accuracy", "max_rmse"
_ON_SAMPLE = "_on_sample"


def require_quality(score: float, config: "Config", *, sampled: bool) -> None:
    """Check the score on the validation set against the configured limit.

    Raises:
        AccuracyTooLow: the accuracy is below the minimum.
        RmseTooHigh: the RMSE is above the maximum.
    """
    is_error = task_of(config).quality.is_error
    key = (_RMSE if is_error else _ACCURACY) + _ON_SAMPLE * sampled
    limit: float | None = getattr(config.publish, key)
    if limit is None or (score <= limit if is_error else score >= limit):
        return
    name, bound = ("RMSE", "at most") if is_error else ("accuracy", "at least")
    advice = "raise" if is_error else "lower"
    shown, wanted = f"{score:.4f}", f"{limit:.4f}"
    if shown == wanted or float(wanted) != limit:  # four digits do not tell them apart
        shown, wanted = f"{score:.8g}", f"{limit:.8g}"
    raise (RmseTooHigh if is_error else AccuracyTooLow)(
        f"The {name} on the validation set must be {bound} {wanted} (publish.{key}); got {shown}. "
        "Nothing was exported or published. Train longer, use a larger model, or "
        f"{advice} publish.{key}."
    )
