"""The quality gate before publication: accuracy on the validation set."""

from pipeline.errors import AccuracyTooLow


def require_accuracy(accuracy: float, minimum: float, key: str) -> None:
    """Check the accuracy on the validation set against the configured minimum.

    Raises:
        AccuracyTooLow: the accuracy is below the minimum.
    """
    if accuracy < minimum:
        raise AccuracyTooLow(
            f"The accuracy on the validation set must be at least {minimum:.4f} ({key}); got "
            f"{accuracy:.4f}. Nothing was published. Train longer, use a larger model, or lower "
            f"{key}."
        )
