"""Build the callbacks of ``train.callbacks``: from Keras, or from a user's file."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras

from pipeline.errors import ConfigError, PipelineError, sentence
from pipeline.models.keras_by_name import (
    PlaceOf,
    as_yaml,
    choose,
    create,
    hint,
    snake_case,
    unknown_place,
)
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.training.user_code import load_user_object

if TYPE_CHECKING:
    from pipeline.config.schema import Callback, Config, EarlyStopping

_USELESS = {
    "callback": "it is the base class of all callbacks. Choose a subclass",
    "callback_list": "train.callbacks is already a list. List the callbacks themselves",
    "lambda_callback": "it takes functions. Write a class in a file and name it: FILE.py:CLASS",
    "history": "every run records its history. Remove it",
    "progbar_logger": "progress is always shown. Remove it",
    "backup_and_restore": "an interrupted training always resumes. Remove it",
    "early_stopping": "it has its own key. Set train.early_stopping",
    "terminate_on_na_n": "a NaN or infinite loss always stops the training. Remove it",
    "orbax_checkpoint": "an interrupted training always resumes. Remove it",
    "remote_monitor": "the pipeline sends no data. Remove it",
    "swap_ema_weights": "optimizer.use_ema uses the averaged weights at the end. Remove it",
}
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def build_callbacks(
    configs: Iterable["Callback"], *, place_of: PlaceOf = unknown_place
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of ``train.callbacks``.

    Raises:
        ConfigError: a class, an argument or a file is unknown or invalid.
    """
    return [_build(config, f"train.callbacks[{n}]", place_of) for n, config in enumerate(configs)]


def early_stopping(config: "EarlyStopping") -> keras.callbacks.EarlyStopping:
    """Return the Keras callback; it restores the best weights whether or not it stops."""
    return keras.callbacks.EarlyStopping(
        monitor=config.monitor,
        mode="min" if config.monitor == "val_loss" else "max",
        patience=config.patience,
        min_delta=config.min_delta,
        restore_best_weights=True,
    )


def callback_classes() -> dict[str, type]:
    """Return the Keras callback classes by name, such as model_checkpoint."""
    return {
        snake_case(name): kind
        for name, kind in vars(keras.callbacks).items()
        if isinstance(kind, type) and issubclass(kind, keras.callbacks.Callback)
    }


def check_callbacks(config: "Config") -> None:
    """Build all callbacks once, to find mistakes that would fail only late in the training.

    Raises:
        ConfigError: a class, an argument or a file is unknown or invalid, or both a schedule and a
            callback set the learning rate.
    """
    place_of = config.place_of
    built = build_callbacks(config.train.callbacks, place_of=place_of)
    logs = _logs_of(task_named(config.task))
    _check_monitors(config.train.callbacks, logs, place_of)
    stopping = config.train.early_stopping
    if stopping is not None and stopping.monitor not in logs:
        raise ConfigError(
            f"train.early_stopping.monitor must be a metric of the task {config.task}; got "
            f"{stopping.monitor!r} in {place_of('train.early_stopping.monitor')}. "
            f"{hint(stopping.monitor, logs)}"
        )
    kinds = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    setters = [type(callback).__name__ for callback in built if isinstance(callback, kinds)]
    if setters and config.optimizer.schedule is not None:
        raise ConfigError(
            "The learning rate must be set by optimizer.schedule or by a callback, not by both; "
            f"got {config.optimizer.schedule.name} and {setters[0]} in "
            f"{place_of('optimizer.schedule')}. Remove one of them."
        )


def _logs_of(task: Task) -> list[str]:
    names = ["loss", *(metric.name for metric in task.training_metrics)]
    return [*names, *(f"val_{name}" for name in names)]


def _check_monitors(configs: "Sequence[Callback]", logs: Sequence[str], place_of: PlaceOf) -> None:
    if any(config.parse_user_code(config.name) for config in configs):
        return  # it may add to the logs
    for number, config in enumerate(configs):
        monitor = config.arguments.get("monitor", logs[0])
        if monitor not in logs:
            key = f"train.callbacks[{number}].monitor"
            raise ConfigError(
                f"{key} must be a logged metric; got {monitor!r} in {place_of(key)}. "
                f"{hint(str(monitor), logs)}"
            )


def _build(config: "Callback", key: str, place_of: PlaceOf) -> keras.callbacks.Callback:
    user_class = load_user_object(config, config.name, f"{key}.name")
    kind = (
        _of_keras(config.name, key, place_of)
        if user_class is None
        else _checked(user_class, key, config)
    )
    _check_epochs(config, kind, key, place_of)
    arguments = {name: _resolved(config, name, key) for name in config.arguments}
    monitored = str(arguments.get("monitor", ""))
    implied = {"mode": "max"} if monitored.endswith("accuracy") else {}
    try:
        callback: keras.callbacks.Callback = create(
            kind, arguments, key, implied=implied, place_of=place_of
        )
    except PipelineError:
        raise
    except (Exception, SystemExit) as error:  # a user's class may raise anything
        raise ConfigError(
            f"{kind.__name__} does not accept {as_yaml(config.arguments)} "
            f"({key} in {place_of(key)}): {type(error).__name__}: {sentence(error)}"
        ) from error
    return callback


def _resolved(config: "Callback", name: str, key: str) -> Any:
    value = config.arguments[name]
    is_own = config.parse_user_code(value) is not None
    return load_user_object(config, value, f"{key}.{name}") if is_own else value


_EPOCHWISE = {"save_freq": "epoch", "update_freq": "epoch", "profile_batch": 0}


def _check_epochs(config: "Callback", kind: type, key: str, place_of: PlaceOf) -> None:
    for name, allowed in _EPOCHWISE.items():
        value = config.arguments.get(name, allowed)
        if kind.__module__.startswith("keras.") and value != allowed:
            raise ConfigError(
                f"{key}.{name} must be {allowed!r}; got {value!r} in {place_of(f'{key}.{name}')}. "
                "Callbacks run at epoch boundaries only, since batches run inside one compiled "
                "program."
            )


def _of_keras(name: str, key: str, place_of: PlaceOf) -> type:
    """Return a Keras callback class; CSVLogger, csv_logger and csvlogger name the same one."""
    classes = callback_classes()
    written = {known.replace("_", ""): known for known in classes}
    name = written.get(name.replace("_", "").lower(), name)
    if name in _USELESS:
        raise ConfigError(
            f"The callback {name!r} in {place_of(f'{key}.name')} is not supported, because "
            f"{_USELESS[name]}."
        )
    useful = {known: kind for known, kind in classes.items() if known not in _USELESS}
    return choose(name, useful, f"{key}.name", kind="callback", place_of=place_of)


def _checked(own: Any, key: str, config: "Callback") -> type:
    """Check a user's class. Batches run inside the compiled program, without batch hooks."""
    if not (isinstance(own, type) and issubclass(own, keras.callbacks.Callback)):
        raise ConfigError(
            f"{key}.name must be a subclass of keras.callbacks.Callback; got {config.name!r}."
        )
    hooks = [n for n in _BATCH_HOOKS if not getattr(own, n).__module__.startswith("keras.")]
    if hooks:
        raise ConfigError(
            f"{key}.name must be a callback without batch hooks; got {', '.join(hooks)} in "
            f"{config.name!r}. Batches run inside one compiled program, so these hooks would never "
            "be called: use on_epoch_begin and on_epoch_end."
        )
    return own
