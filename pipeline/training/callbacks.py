"""Build the callbacks of ``train.callbacks``: from Keras, or from a user's file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pipeline.config.callback_files import in_workspace, is_file_argument
from pipeline.errors import ConfigError, PipelineError, sentence
from pipeline.models.keras_by_name import (
    PlaceOf,
    as_yaml,
    choose,
    create,
    parameters_of,
    snake_case,
    unknown_place,
)
from pipeline.training.user_code import load_user_object

if TYPE_CHECKING:
    from pipeline.config.training_schema import Callback, EarlyStopping

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
    configs: Iterable["Callback"],
    *,
    workspace: Path = Path(),
    run_own_code: bool = True,
    place_of: PlaceOf = unknown_place,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of ``train.callbacks``; their files are relative to ``workspace``.

    Without ``run_own_code``, a user's classes are left out, and other objects are not loaded.

    Raises:
        ConfigError: a class, an argument or a file is unknown or invalid.
    """
    builder = _Builder(workspace, run_own_code, place_of)
    built = (builder.build(config, f"train.callbacks[{n}]") for n, config in enumerate(configs))
    return [callback for callback in built if callback is not None]


def early_stopping(config: "EarlyStopping") -> keras.callbacks.EarlyStopping:
    """Return the Keras callback; it restores the best weights whether or not it stops."""
    return keras.callbacks.EarlyStopping(
        monitor=config.monitor,
        mode="max" if config.monitor == "val_accuracy" else "min",
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


@dataclass(frozen=True)
class _Builder:
    """Builds callbacks; ``build_callbacks`` describes its fields."""

    workspace: Path
    run_own_code: bool
    place_of: PlaceOf

    def build(self, config: "Callback", key: str) -> keras.callbacks.Callback | None:
        """Return a callback, or None for a user's class that is not to be run."""
        is_own = config.parse_user_code(config.name) is not None
        if is_own and not self.run_own_code:
            return None
        kind = (
            _checked(load_user_object(config, config.name, f"{key}.name"), key, config)
            if is_own
            else _of_keras(config.name, key, self.place_of)
        )
        _check_epochs(config, kind, key, self.place_of)
        arguments = {name: self._loaded(config, name, key) for name in config.arguments}
        monitored = str(arguments.get("monitor", ""))
        implied = {"mode": "max"} if monitored.endswith("accuracy") else {}
        if not is_own:
            arguments, implied = self._placed(arguments), implied | self._placed(_defaults(kind))
        try:
            callback: keras.callbacks.Callback = create(
                kind, arguments, key, implied=implied, place_of=self.place_of
            )
        except PipelineError:
            raise
        except (Exception, SystemExit) as error:  # a user's class may raise anything
            raise ConfigError(
                f"{kind.__name__} does not accept {as_yaml(config.arguments)} "
                f"({key} in {self.place_of(key)}): {type(error).__name__}: {sentence(error)}"
            ) from error
        return callback

    def _loaded(self, config: "Callback", name: str, key: str) -> Any:
        value = config.arguments[name]
        if config.parse_user_code(value) is None:
            return value
        if not self.run_own_code:
            return _not_loaded
        return load_user_object(config, value, f"{key}.{name}")

    def _placed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Put the files of a Keras callback into the workspace."""
        files = {n: v for n, v in arguments.items() if is_file_argument(n) and isinstance(v, str)}
        return arguments | {n: in_workspace(n, v, self.workspace) for n, v in files.items()}


def _not_loaded(*_: object) -> None:
    """Replace an object of a user's file in callbacks that are built but never called."""


def _defaults(kind: type) -> dict[str, Any]:
    """Return the default files of a Keras class, such as ``log_dir="logs"``."""
    defaults = {name: parameter.default for name, parameter in parameters_of(kind).items()}
    return {n: v for n, v in defaults.items() if is_file_argument(n) and isinstance(v, str)}


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
