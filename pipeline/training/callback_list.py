"""The callbacks of a training: called at epoch boundaries, saved with its checkpoints."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.config.callback_files import is_file_argument
from pipeline.errors import ConfigError, PipelineError, sentence
from pipeline.system.atomic import write_file

Logs = dict[str, float]

# Attributes that Keras sets again by itself when a training resumes.
_UNSAVED = {
    "min_delta",  # negated when values are first compared
    "append",  # these three belong to CSVLogger
    "append_header",
    "keys",
}


class CallbackList:
    """The callbacks of a training, called in order; their state can be saved and restored."""

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        *,
        epochs: int,
        steps: int,
    ) -> None:
        """Attach the callbacks to a model whose ``optimizer`` is set."""
        self._callbacks, self._model = list(callbacks), model
        self.should_stop = False
        for callback in self._callbacks:
            parameters = {"epochs": epochs, "steps": steps, "verbose": 0}
            self._call(callback, "set_params", parameters)
            self._call(callback, "set_model", model)

    @property
    def should_stop(self) -> bool:
        """Whether a callback has set ``model.stop_training``."""
        return bool(self._model.stop_training)

    @should_stop.setter
    def should_stop(self, value: bool) -> None:
        self._model.stop_training = value

    def train_begin(self, *, resumed_epoch: int | None = None) -> None:
        """Call ``on_train_begin``; a resumed training passes its epoch, counted from 0."""
        for callback in self._callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger) and resumed_epoch is not None:
                _continue_csv(callback, resumed_epoch)
            self._call(callback, "on_train_begin", {})

    def epoch_begin(self, epoch: int) -> None:
        """Call ``on_epoch_begin``."""
        for callback in self._callbacks:
            self._call(callback, "on_epoch_begin", epoch, {})

    def epoch_end(self, epoch: int, logs: Logs) -> Logs:
        """Call ``on_epoch_end``, and return the logs with the values that callbacks added.

        Raises:
            ConfigError: a callback fails, or adds a value that is not a finite number.
        """
        shared: dict[str, Any] = dict(logs)
        for callback in self._callbacks:
            self._call(callback, "on_epoch_end", epoch, shared)
            for name, value in shared.items():
                if not _is_finite(value):
                    raise _failed(callback, f"it logged {name} = {value!r}, not a finite value.")
        return {**{name: float(value) for name, value in shared.items()}, **logs}

    def train_end(self) -> None:
        """Call ``on_train_end``."""
        for callback in self._callbacks:
            self._call(callback, "on_train_end", {})

    def get_state(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the state that later epochs depend on: plain attributes and arrays by name."""
        saved: list[dict[str, Any]] = []
        arrays: dict[str, Any] = {}
        for number, callback in enumerate(self._callbacks):
            public = {n: v for n, v in vars(callback).items() if _is_saved(callback, n)}
            weights = {name: value for name, value in public.items() if _is_weights(value)}
            for name, value in weights.items():
                arrays |= {f"{number}_{name}_{index}": array for index, array in enumerate(value)}
            saved.append(
                {
                    "plain": {n: _plain(v) for n, v in public.items() if _is_plain(v)},
                    "weights": {name: len(value) for name, value in weights.items()},
                }
            )
        return saved, arrays

    def restore_state(self, saved: list[dict[str, Any]], arrays: dict[str, Any]) -> None:
        """Restore the state that ``get_state`` returned."""
        for number, (callback, values) in enumerate(zip(self._callbacks, saved, strict=True)):
            for name, value in values["plain"].items():
                setattr(callback, name, value)
            for name, count in values["weights"].items():
                weights = [arrays[f"{number}_{name}_{index}"] for index in range(count)]
                setattr(callback, name, weights)

    def _call(self, callback: keras.callbacks.Callback, method: str, *arguments: Any) -> None:
        try:
            getattr(callback, method)(*arguments)
        except PipelineError:
            raise
        except (Exception, SystemExit) as error:  # a callback may raise anything
            reason = f"{method} raised {type(error).__name__}: {sentence(error)}"
            raise _failed(callback, reason) from error


def _failed(callback: keras.callbacks.Callback, reason: str) -> ConfigError:
    return ConfigError(
        f"The callback {type(callback).__name__} in train.callbacks failed: {reason} "
        "Fix its code or arguments, or remove it from the configuration."
    )


def _continue_csv(logger: keras.callbacks.CSVLogger, epoch: int) -> None:
    """Keep the rows of earlier trainings, and those of this one before ``epoch``."""
    path = Path(logger.filename)
    if epoch == 0 or not path.is_file():
        return
    lines = path.read_text().splitlines(keepends=True)
    epochs = [_epoch_of(line, logger.sep) for line in lines]
    begin = len(lines) - 1 - epochs[::-1].index(0) if 0 in epochs else len(lines)
    kept_lines = [line for n, line in enumerate(lines) if n < begin or epochs[n] < epoch]
    write_file(path, "".join(kept_lines).encode())
    logger.append = True


def _epoch_of(line: str, separator: str) -> float:
    [row] = csv.reader([line], delimiter=separator)
    try:
        return int(row[0])
    except (ValueError, IndexError):  # the header, or an incomplete last line
        return math.inf


def _is_saved(callback: keras.callbacks.Callback, attribute: str) -> bool:
    of_keras = type(callback).__module__.startswith("keras.")
    if of_keras and is_file_argument(attribute):
        return False  # the workspace may have been moved since
    return not attribute.startswith("_") and attribute not in _UNSAVED


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except (TypeError, ValueError):
        return False


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    kinds = (bool, int, float, str, np.integer, np.floating, np.bool_)
    return value is None or isinstance(value, kinds)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _is_weights(value: Any) -> bool:
    is_list = isinstance(value, list) and len(value) > 0
    return is_list and all(isinstance(inner, np.ndarray) for inner in value)
