"""Trial steps of an optimizer: they find values that signatures do not rule out."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pipeline.errors import ConfigError, sentence
from pipeline.models.keras_by_name import PlaceOf, as_yaml, parameters_of, unknown_place
from pipeline.models.optimizers import build_optimizer

if TYPE_CHECKING:
    from pipeline.config.training_schema import Optimizer

_STEPS = 3  # beta_1: -1 divides by zero in the second
# Zeros too: the weights of a pixel that is black in every image have no gradient, and with
# epsilon: 0 a step divides 0 by 0.
_WEIGHTS: Sequence[Any] = ([[1.0, -1.0], [0.5, 0.0]], [0.0, 0.0])
_GRADIENTS: Sequence[Any] = ([[1.0, -1.0], [0.001, 0.0]], [0.1, 0.0])
_TOTAL_STEPS = 10  # of the trial's schedule


def check_optimizer(config: "Optimizer", *, place_of: PlaceOf = unknown_place) -> None:
    """Build the optimizer and take a few steps on six numbers.

    Raises:
        ConfigError: the optimizer, the schedule or an argument is unknown or invalid, or the
            weights are not finite after the steps.
    """
    key = "optimizer.gradient_accumulation_steps"
    accumulation = config.arguments.get("gradient_accumulation_steps")
    if accumulation is not None and not (isinstance(accumulation, int) and accumulation > 1):
        raise ConfigError(
            f"{key} must be a whole number of at least 2; got {accumulation!r} in {place_of(key)}. "
            "Remove it to update the weights in every step."
        )
    optimizer = build_optimizer(config, total_steps=_TOTAL_STEPS, place_of=place_of)
    _check_schedule(config, optimizer, place_of)
    try:
        weights = _weights_after(optimizer)
    except Exception as error:  # the values are the user's, and any class of error may come
        raise ConfigError(
            f"{type(optimizer).__name__} failed a trial step with {_optimizer_as_yaml(config)} "
            f"(optimizer in {place_of('optimizer')}): {sentence(error)} Choose other values, or "
            "remove them to use the Keras defaults."
        ) from error
    if not _are_finite(weights):
        raise _not_finite(config, type(optimizer), place_of)


def _check_schedule(
    config: "Optimizer", optimizer: keras.optimizers.Optimizer, place_of: PlaceOf
) -> None:
    schedule = config.schedule
    if schedule is None:
        return
    with_place = (
        f"{schedule.name} with {as_yaml(schedule.arguments)} (optimizer.schedule in "
        f"{place_of('optimizer.schedule')})"
    )
    for step in reversed(range(_TOTAL_STEPS + 1)):  # back to 0, where the trial begins
        optimizer.iterations.assign(step)
        try:
            rate = float(optimizer.learning_rate)
        except Exception as error:  # as above
            raise ConfigError(
                f"Cannot compute the learning rate of {with_place}: {sentence(error)} Choose other "
                "arguments."
            ) from error
        if not math.isfinite(rate):
            raise ConfigError(
                f"The learning rate is {rate} at step {step} of {with_place}. Choose arguments "
                "that keep it finite."
            )


def _weights_after(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """Return the weights after some updates, in float32."""
    optimizer.gradient_accumulation_steps = None  # else nothing is updated before the last of them
    weights = [keras.Variable(value, dtype="float32") for value in _WEIGHTS]
    gradients = [keras.ops.convert_to_tensor(value, "float32") for value in _GRADIENTS]
    optimizer.build(weights)
    for _ in range(_STEPS):
        optimizer.apply(gradients, weights)
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def _are_finite(weights: list[Any]) -> bool:
    return all(bool(np.isfinite(weight).all()) for weight in weights)


def _not_finite(config: "Optimizer", kind: type, place_of: PlaceOf) -> ConfigError:
    name = _culprit(config)
    if name is None:
        return ConfigError(
            f"{kind.__name__} computes NaN or infinite weights with {_optimizer_as_yaml(config)} "
            f"(optimizer in {place_of('optimizer')}). Choose other values, or remove them to use "
            "the Keras defaults."
        )
    key = f"optimizer.{name}"
    value = config.learning_rate if name == "learning_rate" else config.arguments[name]
    return ConfigError(
        f"{kind.__name__} computes NaN or infinite weights with {name}: {value} "
        f"({key} in {place_of(key)}). Choose another value; the Keras default is "
        f"{parameters_of(kind)[name].default}."
    )


def _culprit(config: "Optimizer") -> str | None:
    """Return the argument without which the weights stay finite, if there is one."""
    values = {"learning_rate": config.learning_rate, **config.arguments}
    for name in (name for name, value in values.items() if value is not None):
        others = {key: value for key, value in values.items() if key != name}
        trial = type(config)(name=config.name, schedule=config.schedule, **others)
        if _are_finite(_weights_after(build_optimizer(trial, total_steps=_TOTAL_STEPS))):
            return name
    return None


def _optimizer_as_yaml(config: "Optimizer") -> str:
    rate = {} if config.learning_rate is None else {"learning_rate": config.learning_rate}
    return as_yaml({**rate, **config.arguments})
