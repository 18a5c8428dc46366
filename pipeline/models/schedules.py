"""Configuration -> learning-rate schedule of Keras, every argument checked."""

from typing import TYPE_CHECKING, Any

import keras

from pipeline.models.keras_by_name import PlaceOf, choose, create, snake_case, unknown_place

if TYPE_CHECKING:
    from pipeline.config.training_schema import Schedule


def build_schedule(
    config: "Schedule", learning_rate: float, total_steps: int, *, place_of: PlaceOf = unknown_place
) -> Any:
    """Return the schedule; it begins at ``learning_rate`` and decays over ``total_steps``.

    Its own arguments override both. With ``warmup``, the rate begins at 0 and rises linearly.

    Raises:
        ConfigError: the schedule or an argument is unknown or invalid.
    """
    kind = choose(
        config.name,
        schedule_classes(),
        "optimizer.schedule.name",
        kind="schedule",
        place_of=place_of,
    )
    # The decay has at least one step.
    warmup = min(round((config.warmup or 0) * total_steps), total_steps - 1)
    implied: dict[str, Any] = {
        "initial_learning_rate": 0.0 if warmup else learning_rate,
        "decay_steps": total_steps - warmup,
        "first_decay_steps": total_steps,
    }
    if warmup:
        implied |= {"warmup_target": learning_rate, "warmup_steps": warmup}
    return create(kind, config.arguments, "optimizer.schedule", implied=implied, place_of=place_of)


def schedule_classes() -> dict[str, type]:
    """Return every schedule class of Keras by its name in configurations: CosineDecay as cosine."""
    module = keras.optimizers.schedules
    return {
        snake_case(name).replace("_decay", ""): kind
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, module.LearningRateSchedule)
        and kind is not module.LearningRateSchedule
    }
