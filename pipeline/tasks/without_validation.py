"""Keys that need a validation set, which ``data.validation: 0`` does without."""

from typing import TYPE_CHECKING

from pipeline.config.key_errors import InvalidValue

if TYPE_CHECKING:
    from pipeline.config.schema import Config

_LIMITS = ("min_accuracy", "min_accuracy_on_sample", "max_rmse", "max_rmse_on_sample")
_ADVICE = "Remove it, or set images aside with data.validation, for example 5000."


def check_without_validation(config: "Config") -> None:
    """Check that nothing is decided by a validation set that does not exist.

    Raises:
        InvalidValue: early stopping or a limit on the quality is set.
    """
    if config.data.validation != 0:
        return
    if config.train.early_stopping is not None:
        raise InvalidValue(
            "train.early_stopping",
            "Early stopping needs a validation set; got data.validation: 0",
            _ADVICE,
        )
    for name in _LIMITS:
        if getattr(config.publish, name):
            raise InvalidValue(
                f"publish.{name}",
                "The quality is measured on the validation set; got data.validation: 0",
                _ADVICE,
            )
