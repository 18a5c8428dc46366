"""Configuration -> learning-rate schedule of Keras, every argument checked."""

from typing import TYPE_CHECKING, Any

import keras

from pipeline.models.keras_by_name import choose, create, snake_case

if TYPE_CHECKING:
    from pipeline.config.schema import Schedule


def build_schedule(config: "Schedule", learning_rate: float, total_steps: int) -> Any:
    """Return the schedule; what the rest of the configuration says already is filled in.

    Raises:
        ConfigError: the schedule or an argument is unknown or impossible.
    """
    kind = choose(config.name.lower(), schedule_classes(), "optimizer.schedule.name")
    implied = {
        "initial_learning_rate": learning_rate,
        "decay_steps": total_steps,
        "first_decay_steps": total_steps,
    }
    return create(kind, config.arguments, "optimizer.schedule", implied=implied)


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
