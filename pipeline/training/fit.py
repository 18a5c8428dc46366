"""Epochs and callbacks around the compiled loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from pipeline.training.loop import CompiledEvaluation, CompiledLoop, Result

if TYPE_CHECKING:
    from pipeline.config.schema import EarlyStopping
    from pipeline.progress import Progress, Task

Report = Callable[[int, Result], None]
History = list[dict[str, float]]


@dataclass(frozen=True)
class Plan:
    """How long to train, and what may end it early."""

    epochs: int
    callbacks: tuple[keras.callbacks.Callback, ...] = ()


def fit(
    loop: CompiledLoop,
    model: keras.Model,
    validation: CompiledEvaluation,
    plan: Plan,
    progress: "Progress",
) -> History:
    """Train ``model`` in place and return loss and accuracy of each epoch, and of validation.

    Raises:
        TrainingDiverged: the loss became infinite or not a number.
    """
    callbacks = keras.callbacks.CallbackList(list(plan.callbacks), model=model)
    history: History = []
    model.stop_training = False
    callbacks.on_train_begin()
    with progress.task("training", total=plan.epochs) as task:
        for epoch in range(plan.epochs):
            callbacks.on_epoch_begin(epoch)
            result = loop.run_epoch(epoch, _reporter(task, epoch, plan.epochs, loop.num_steps))
            measured = validation.run()
            if not math.isfinite(measured.loss):  # the last step ruined the weights
                raise loop.divergence(epoch, loop.num_steps - 1)
            logs = _logs(result, measured)
            history.append(logs)
            task.update(epoch + 1, _detail(epoch, plan.epochs, logs))
            callbacks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    loop.finish()
    callbacks.on_train_end()
    return history


def early_stopping(config: "EarlyStopping") -> keras.callbacks.EarlyStopping:
    """Return Keras' callback; it restores the best weights whether or not it stops."""
    return keras.callbacks.EarlyStopping(
        monitor=config.monitor,
        mode="min" if config.monitor == "val_loss" else "max",
        patience=config.patience,
        min_delta=config.min_delta,
        restore_best_weights=True,
    )


def _reporter(task: "Task", epoch: int, epochs: int, num_steps: int) -> Report:
    def report(step: int, result: Result) -> None:
        logs = {"loss": result.loss, "accuracy": result.accuracy}
        if step < num_steps:
            task.update(epoch + step / num_steps, _detail(epoch, epochs, logs))

    return report


def _logs(train: Result, validation: Result) -> dict[str, float]:
    return {
        "loss": train.loss,
        "accuracy": train.accuracy,
        "val_loss": validation.loss,
        "val_accuracy": validation.accuracy,
    }


def _detail(epoch: int, epochs: int, logs: dict[str, float]) -> str:
    values = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
    return f"epoch {epoch + 1}/{epochs}  {values}"
