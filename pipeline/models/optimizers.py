"""Configuration -> Keras optimiser and learning-rate schedule, every argument checked."""

from typing import TYPE_CHECKING, Any

import keras

from pipeline.errors import ConfigError, one_line
from pipeline.models.keras_objects import choose, create, parameters_of, snake_case

if TYPE_CHECKING:
    from pipeline.config.schema import Optimizer, Schedule

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
        rate = _build_schedule(config.schedule, rate, max(1, total_steps))
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


def schedule_classes() -> dict[str, type]:
    """Return every schedule class of Keras: CosineDecay as cosine and as cosine_decay."""
    module = keras.optimizers.schedules
    classes = {
        snake_case(name): kind
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, module.LearningRateSchedule)
        and kind is not module.LearningRateSchedule
    }
    return {**{name.replace("_decay", ""): kind for name, kind in classes.items()}, **classes}


def _build_schedule(config: "Schedule", learning_rate: float, total_steps: int) -> Any:
    """Fill in what the rest of the configuration says already."""
    kind = choose(config.name.lower(), schedule_classes(), "optimizer.schedule.name")
    implied = {
        "initial_learning_rate": learning_rate,
        "decay_steps": total_steps,
        "first_decay_steps": total_steps,
    }
    return create(kind, config.arguments, "optimizer.schedule", implied=implied)
