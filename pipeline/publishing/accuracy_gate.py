"""The gate before publication: the accuracy on the validation set."""

from pipeline.errors import AccuracyTooLow


def require_accuracy(accuracy: float, minimum: float, key: str) -> None:
    """Demand the accuracy that the configuration asks for, of the validation set.

    Raises:
        AccuracyTooLow: it is not reached.
    """
    if accuracy < minimum:
        raise AccuracyTooLow(
            f"The accuracy on the validation set must be at least {minimum:.4f} ({key}); got "
            f"{accuracy:.4f}. Nothing is published. Train longer or a larger model, or lower {key}."
        )
