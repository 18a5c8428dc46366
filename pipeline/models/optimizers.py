"""Configuration -> Keras optimizer, every argument checked."""

from typing import TYPE_CHECKING, Any

import keras

from pipeline.errors import ConfigError, one_line
from pipeline.models.keras_by_name import choose, create, parameters_of
from pipeline.models.schedules import build_schedule

if TYPE_CHECKING:
    from pipeline.config.schema import Optimizer

# The base class, and those that wrap other optimisers instead of being one.
_WRAPPERS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}


def build_optimizer(config: "Optimizer", *, total_steps: int) -> keras.optimizers.Optimizer:
    """Return the optimiser; a schedule runs over ``total_steps`` unless told otherwise.

    Raises:
        ConfigError: the optimiser, the schedule or an argument is unknown or impossible.
    """
    kind = choose(config.name.lower(), optimizer_classes(), "optimizer.name")
    rate: Any = config.learning_rate or parameters_of(kind)["learning_rate"].default
    if config.schedule is not None:
        # Of steps, not of updates: gradient accumulation does not slow a schedule of Keras down.
        rate = build_schedule(config.schedule, rate, max(1, total_steps))
    optimizer: keras.optimizers.Optimizer = create(
        kind, config.arguments, "optimizer", implied={"learning_rate": rate}
    )
    return optimizer


def check_optimizer(config: "Optimizer") -> None:
    """Take one step on a variable of four numbers: some values Keras refuses only then.

    Raises:
        ConfigError: the optimiser, the schedule or an argument is unknown or impossible.
    """
    accumulation = config.arguments.get("gradient_accumulation_steps")
    if accumulation is not None and not (isinstance(accumulation, int) and accumulation > 1):
        raise ConfigError(
            "optimizer.gradient_accumulation_steps must be a whole number from 2 on; got "
            f"{accumulation!r}. Leave it out to update at every step."
        )
    optimizer = build_optimizer(config, total_steps=10)
    variable = keras.Variable(keras.ops.ones((2, 2)))
    try:
        optimizer.build([variable])
        optimizer.apply([keras.ops.ones((2, 2))], [variable])
    except Exception as error:  # the values are the user's, and any class of error may come
        raise ConfigError(
            f"optimizer must have values that {type(optimizer).__name__} can compute with; got "
            f"{config.arguments!r} and {config.schedule!r}: {one_line(error)} "
            "Change the value."
        ) from error


def optimizer_classes() -> dict[str, type]:
    """Return every optimiser class of Keras by its name in lower case."""
    return {
        name.lower(): kind
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type)
        and issubclass(kind, keras.optimizers.Optimizer)
        and name not in _WRAPPERS
    }
