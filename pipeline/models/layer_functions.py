"""The functions of dense layers by name, activations and initializers, each with a trial call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pipeline.errors import ConfigError, sentence
from pipeline.models.keras_by_name import PlaceOf, hint, unknown_place

if TYPE_CHECKING:
    from pipeline.config.schema import Model

_SHAPE = (3, 4)


def check_names(config: "Model", *, place_of: PlaceOf = unknown_place) -> None:
    """Check that Keras has the activation and the initializer.

    Raises:
        ConfigError: one of them is unknown.
    """
    for kind, name, trial in _chosen(config):
        try:
            trial.module.get(name)
        except Exception as error:  # Keras looks names up in several ways
            key = f"model.{kind}"
            raise ConfigError(
                f"Unknown {_words(kind)} {name!r} ({key} in {place_of(key)}). "
                f"{hint(name, trial.names())}"
            ) from error


def try_functions(config: "Model", *, place_of: PlaceOf = unknown_place) -> None:
    """Check that the activation and the initializer work without arguments, by a call of each.

    It must not be part of building a model: it draws random numbers.

    Raises:
        ConfigError: one of them does not.
    """
    for kind, name, trial in _chosen(config):
        if (problem := trial.problem(name)) is not None:
            key = f"model.{kind}"
            raise ConfigError(
                f"The {_words(kind)} {name!r} cannot be used in a dense layer ({key} in "
                f"{place_of(key)}): {problem} Choose from {', '.join(trial.names())}."
            )


@dataclass(frozen=True)
class _Trial:
    """A call of one of the functions in a module of Keras."""

    module: Any
    call: Callable[[Any], Any]

    def problem(self, name: str) -> str | None:
        """Return why a function does not compute an array of the trial's shape, as a sentence."""
        try:
            shape = tuple(self.call(self.module.get(name)).shape)
        except Exception as error:  # noqa: BLE001  (whatever the chosen function raises)
            return sentence(error)
        if shape != _SHAPE:
            return f"it returns the shape {shape} instead of {_SHAPE}."
        return None

    def names(self) -> list[str]:
        """Return the names of the functions that work."""
        names = {name for name in vars(self.module) if name.islower() and name[0] != "_"}
        helpers = {"get", "serialize", "deserialize"}
        return sorted(name for name in names - helpers if self.problem(name) is None)


_ACTIVATION = _Trial(keras.activations, lambda function: function(np.zeros(_SHAPE, np.float32)))
_INITIALIZER = _Trial(keras.initializers, lambda function: function(_SHAPE))


def _chosen(config: "Model") -> tuple[tuple[str, str, _Trial], ...]:
    chosen = (
        ("activation", config.activation, _ACTIVATION),
        ("initializer", config.initializer, _INITIALIZER),
    )
    if config.output_initializer is None:
        return chosen
    return (*chosen, ("output_initializer", config.output_initializer, _INITIALIZER))


def _words(key: str) -> str:
    return key.replace("_", " ")
