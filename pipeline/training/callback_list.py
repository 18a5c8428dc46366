"""The callbacks of one training: called at the boundaries of epochs, kept with its state."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from pipeline.atomic import write_file
from pipeline.errors import ConfigError, PipelineError

Logs = dict[str, float]


class CallbackList:
    """The callbacks of one training, called in order; what they remember can be kept."""

    def __init__(
        self, callbacks: Sequence[keras.callbacks.Callback], model: keras.Model, *, epochs: int
    ) -> None:
        """Let them work on a model whose ``optimizer`` is set."""
        self._callbacks, self._model = list(callbacks), model
        model.stop_training = False
        for callback in self._callbacks:
            self._call(callback, "set_params", {"epochs": epochs, "verbose": 0})
            self._call(callback, "set_model", model)

    @property
    def want_stop(self) -> bool:
        """Whether one of them has set ``model.stop_training``."""
        return bool(self._model.stop_training)

    def train_begin(self, *, resumed_epoch: int | None = None) -> None:
        """Begin, or go on within the epoch of that number, from 0."""
        for callback in self._callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger) and resumed_epoch is not None:
                _continue_csv(callback, resumed_epoch)
            self._call(callback, "on_train_begin")

    def epoch_begin(self, epoch: int) -> None:
        """Tell all that an epoch begins."""
        for callback in self._callbacks:
            self._call(callback, "on_epoch_begin", epoch)

    def epoch_end(self, epoch: int, logs: Logs) -> None:
        """Tell all that an epoch is over; they may add to its logs."""
        for callback in self._callbacks:
            self._call(callback, "on_epoch_end", epoch, logs)
        logs.update({name: float(value) for name, value in logs.items()})

    def train_end(self) -> None:
        """Tell all that the training is over."""
        for callback in self._callbacks:
            self._call(callback, "on_train_end")

    def remembered(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return what later epochs depend on: simple attributes, and arrays by name."""
        kept: list[dict[str, Any]] = []
        arrays: dict[str, Any] = {}
        for number, callback in enumerate(self._callbacks):
            values = {} if isinstance(callback, keras.callbacks.CSVLogger) else vars(callback)
            public = {name: value for name, value in values.items() if name[0] != "_"}
            weights = {name: value for name, value in public.items() if _is_weights(value)}
            for name, value in weights.items():
                arrays |= {f"{number}_{name}_{index}": array for index, array in enumerate(value)}
            kept.append(
                {
                    "plain": {n: _plain(v) for n, v in public.items() if _is_plain(v)},
                    "weights": {name: len(value) for name, value in weights.items()},
                }
            )
        return kept, arrays

    def recall(self, kept: list[dict[str, Any]], arrays: dict[str, Any]) -> None:
        """Put back what ``remembered`` returned."""
        for number, (callback, values) in enumerate(zip(self._callbacks, kept, strict=True)):
            for name, value in values["plain"].items():
                setattr(callback, name, value)
            for name, count in values["weights"].items():
                found = [arrays[f"{number}_{name}_{index}"] for index in range(count)]
                setattr(callback, name, found)

    def _call(self, callback: keras.callbacks.Callback, method: str, *arguments: Any) -> None:
        try:
            getattr(callback, method)(*arguments)
        except PipelineError:
            raise
        except Exception as error:  # a callback may do anything
            reason = " ".join(str(error).split())[:300]
            raise ConfigError(
                f"train.callbacks must run without errors; got {type(error).__name__} from "
                f"{type(callback).__name__}.{method}: {reason} Mend its code or arguments, or "
                "leave it out of the configuration."
            ) from error


def _continue_csv(logger: keras.callbacks.CSVLogger, epoch: int) -> None:
    """Keep the rows of the epochs before ``epoch``: later ones will be written again."""
    path = Path(logger.filename)
    if path.is_file():
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines[1:] if _epoch_of(line, logger.sep) < epoch]
        write_file(path, "".join([*lines[:1], *kept]).encode())
        logger.append = True


def _epoch_of(line: str, separator: str) -> float:
    [row] = csv.reader([line], delimiter=separator)
    try:
        return int(row[0])
    except (ValueError, IndexError):  # cut off while it was written
        return float("inf")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str) or _is_number(value)


def _is_number(value: Any) -> bool:
    return hasattr(value, "item") and getattr(value, "ndim", None) == 0


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if _is_number(value) else value


def _is_weights(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(getattr(inner, "ndim", 0) > 0 for inner in value)
    )
