"""The epochs of the training: logs, learning rate, seconds."""

from collections.abc import Callable

from pipeline.artifacts.history import read_costs, read_history
from pipeline.artifacts.report import Epoch
from pipeline.reporting.run import ReportedRun


def epochs(run: ReportedRun) -> tuple[Epoch, ...]:
    """Return every epoch that was trained."""
    history, costs = read_history(run.train.path), read_costs(run.train.path)
    rate = _rate_at(run)
    steps = run.train.facts.steps_per_epoch
    return tuple(
        Epoch(number + 1, logs, rate(number * steps) if rate else None, cost.seconds)
        for number, (logs, cost) in enumerate(zip(history, costs, strict=True))
    )


def _rate_at(run: ReportedRun) -> Callable[[int], float] | None:
    """Return the learning rate as a function of the step.

    None for methods without one, and if callbacks may have changed it.
    """
    config = run.config
    if config.optimizer.needs_full_gradient or config.train.callbacks:
        return None
    from pipeline.models.optimizers import build_optimizer

    total = config.train.epochs * run.train.facts.steps_per_epoch
    optimizer = build_optimizer(config.optimizer, total_steps=total)

    def rate_at(step: int) -> float:
        optimizer.iterations.assign(step)
        return float(optimizer.learning_rate)

    return rate_at
