"""Check the callbacks of a training before it begins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from pipeline.errors import ConfigError
from pipeline.models.keras_by_name import PlaceOf, hint
from pipeline.tasks.combinations import logs_of
from pipeline.tasks.registry import task_of
from pipeline.training.callbacks import build_callbacks

if TYPE_CHECKING:
    from pipeline.config.schema import Config
    from pipeline.config.training_schema import Callback


def check_callbacks(config: "Config", *, run_own_code: bool) -> None:
    """Build all callbacks once, to find mistakes that would fail only late in the training.

    Raises:
        ConfigError: a class, an argument or a file is unknown or invalid, or a
            callback sets the learning rate as the schedule does, or of a method without one.
    """
    place_of = config.place_of
    built = build_callbacks(config.train.callbacks, run_own_code=run_own_code, place_of=place_of)
    logs = logs_of(task_of(config), validates=config.data.validation != 0)
    _check_monitors(config.train.callbacks, built, logs, place_of)
    kinds = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    setters = [type(callback).__name__ for callback in built if isinstance(callback, kinds)]
    if setters and config.optimizer.needs_full_gradient:
        raise ConfigError(
            f"{setters[0]} sets the learning rate (train.callbacks in {place_of('train.callbacks')}"
            f"), but {config.optimizer.name} has none: a line search determines the length of each "
            "step. Remove the callback, or choose another optimizer."
        )
    if setters and config.optimizer.schedule is not None:
        raise ConfigError(
            "The learning rate must be set by optimizer.schedule or by a callback, not by both; "
            f"got {config.optimizer.schedule.name} and {setters[0]} in "
            f"{place_of('optimizer.schedule')}. Remove one of them."
        )


def _check_monitors(
    configs: "Sequence[Callback]",
    built: Sequence[keras.callbacks.Callback],
    logs: Sequence[str],
    place_of: PlaceOf,
) -> None:
    if any(config.parse_user_code(config.name) for config in configs):
        return  # it may add to the logs
    for number, (config, callback) in enumerate(zip(configs, built, strict=True)):
        monitor = config.arguments.get("monitor", _monitored_by_default(callback) or logs[0])
        if monitor not in logs:
            key = f"train.callbacks[{number}].monitor"
            raise ConfigError(
                f"{key} must be a logged metric; got {monitor!r} in {place_of(key)}. "
                f"{hint(str(monitor), logs)}"
            )


def _monitored_by_default(callback: keras.callbacks.Callback) -> str | None:
    """Return what a callback of Keras monitors if it needs a value, as ``val_loss``."""
    needs_value = getattr(callback, "save_best_only", True)  # of ModelCheckpoint
    return getattr(callback, "monitor", None) if needs_value else None
