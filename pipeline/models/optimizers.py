"""Configuration -> Keras optimizer or full-gradient method, every argument checked."""

from typing import TYPE_CHECKING, Any

import keras

from pipeline.errors import ConfigError
from pipeline.models.full_gradient import METHODS, FullGradientMethod
from pipeline.models.keras_by_name import PlaceOf, choose, create, parameters_of, unknown_place
from pipeline.models.schedules import build_schedule

if TYPE_CHECKING:
    from pipeline.config.training_schema import Optimizer

# The base class, and classes that wrap other optimizers.
_WRAPPERS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}


def build_optimizer(
    config: "Optimizer",
    *,
    total_steps: int,
    batch_size: int | None = None,
    place_of: PlaceOf = unknown_place,
) -> keras.optimizers.Optimizer:
    """Return the optimizer; a schedule decays over ``total_steps`` unless it has its own.

    With ``scale_with_batch``, the learning rate is for batches of that size, and is multiplied by
    ``batch_size`` divided by it: Goyal et al., "Accurate, large minibatch SGD" (2017), section 2.1.

    Raises:
        ConfigError: the optimizer, the schedule or an argument is unknown or invalid.
    """
    assert not config.needs_full_gradient, "see build_method"
    kind = choose(
        config.name,
        _all_classes(),
        "optimizer.name",
        kind="optimizer",
        place_of=place_of,
    )
    _require_own_arguments(config, kind, place_of)
    rate: Any = config.learning_rate or parameters_of(kind)["learning_rate"].default
    if config.scale_with_batch and batch_size:
        rate *= batch_size / config.scale_with_batch
    if config.schedule is not None:
        # Of steps, not of updates: gradient accumulation does not slow a schedule of Keras down.
        rate = build_schedule(config.schedule, rate, max(1, total_steps), place_of=place_of)
    optimizer: keras.optimizers.Optimizer = create(
        kind, config.arguments, "optimizer", implied={"learning_rate": rate}, place_of=place_of
    )
    if config.weight_decay_on == "kernels":
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def build_method(config: "Optimizer", *, place_of: PlaceOf = unknown_place) -> FullGradientMethod:
    """Return the full-gradient method, such as l_bfgs.

    Raises:
        ConfigError: an argument is unknown or invalid.
    """
    kind = METHODS[config.name]
    _require_own_arguments(config, kind, place_of)
    method: FullGradientMethod = create(
        kind, config.arguments, "optimizer", implied={}, place_of=place_of
    )
    return method


def _require_own_arguments(config: "Optimizer", kind: type, place_of: PlaceOf) -> None:
    """Reject the arguments of another optimizer; overriding the name alone keeps them."""
    for argument in config.arguments:
        others = [n for n, other in _all_classes().items() if argument in parameters_of(other)]
        if others and argument not in parameters_of(kind):
            key = f"optimizer.{argument}"
            places = place_of(key), place_of("optimizer.name")
            overridden = any(place.startswith("the override") for place in places)
            replace = f", or replace the whole section: optimizer={config.name}"
            raise ConfigError(
                f"{kind.__name__} has no argument {argument!r} ({key} in {places[0]}); "
                f"it belongs to {', '.join(others)}. Remove it"
                f"{replace if overridden else ', or choose one of these optimizers.'}"
            )


def _all_classes() -> dict[str, type]:
    return {**optimizer_classes(), **METHODS}


def optimizer_classes() -> dict[str, type]:
    """Return every optimizer class of Keras by its lower-case name."""
    return {
        name.lower(): kind
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type)
        and issubclass(kind, keras.optimizers.Optimizer)
        and name not in _WRAPPERS
    }
