"""The epochs of a training: logs, learning rate, seconds."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.artifacts.history import read_costs, read_history
from pipeline.artifacts.report import Epoch
from pipeline.artifacts.stage_facts import TrainFacts
from pipeline.config.batch_size import batch_size_of
from pipeline.engine.store import StageOutput

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def epochs(config: "Config", train: StageOutput[TrainFacts], num_images: int) -> tuple[Epoch, ...]:
    """Return every epoch that was trained, on ``num_images`` images."""
    history, costs = read_history(train.path), read_costs(train.path)
    steps = train.facts.steps_per_epoch
    rate = _rate_at(config, steps, batch_size_of(config, num_images))
    of_member = config.train.epochs  # each member of a committee starts its schedule anew
    return tuple(
        Epoch(number + 1, logs, rate(number % of_member * steps) if rate else None, cost.seconds)
        for number, (logs, cost) in enumerate(zip(history, costs, strict=True))
    )


def _rate_at(
    config: "Config", steps_per_epoch: int, batch_size: int
) -> Callable[[int], float] | None:
    """Return the learning rate as a function of the step.

    None for methods without one, if callbacks may have changed it, and for a committee whose
    members may have stopped after different numbers of epochs.
    """
    train, has_members = config.train, config.model.members > 1
    if config.optimizer.needs_full_gradient or train.callbacks:
        return None
    if has_members and train.early_stopping is not None:
        return None
    from pipeline.models.optimizers import build_optimizer

    total = config.train.epochs * steps_per_epoch
    optimizer = build_optimizer(config.optimizer, total_steps=total, batch_size=batch_size)

    def rate_at(step: int) -> float:
        optimizer.iterations.assign(step)
        return float(optimizer.learning_rate)

    return rate_at
