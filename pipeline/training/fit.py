"""Epochs, callbacks and checkpoints around the compiled loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from pipeline.training.checkpoint import Checkpoint, Position
from pipeline.training.interruption import deferred_interrupt
from pipeline.training.loop import CompiledEvaluation, CompiledLoop, EpochState, Result

if TYPE_CHECKING:
    from pipeline.config.schema import EarlyStopping
    from pipeline.progress import Progress, Task

History = list[dict[str, float]]


@dataclass(frozen=True)
class Plan:
    """How long to train, and what may end it early."""

    epochs: int
    callbacks: tuple[keras.callbacks.Callback, ...] = ()


def fit(
    loop: CompiledLoop,
    validation: CompiledEvaluation,
    plan: Plan,
    checkpoint: Checkpoint,
    progress: "Progress",
) -> History:
    """Train the loop's model in place and return loss and accuracy of each epoch.

    Goes on from the checkpoint where there is one, and saves to it now and then and on Ctrl-C.

    Raises:
        TrainingDiverged: the loss became infinite or not a number.
    """
    callbacks = keras.callbacks.CallbackList(list(plan.callbacks), model=loop.model)
    loop.model.stop_training = False
    callbacks.on_train_begin()
    position = checkpoint.load()
    if position is not None:
        progress.notice(f"Going on from epoch {position.epoch + 1}, step {position.state.step}.")
    position = position or Position()
    with progress.task("training", total=plan.epochs) as task, deferred_interrupt() as pressed:
        for epoch in range(position.epoch, plan.epochs):
            callbacks.on_epoch_begin(epoch)
            keeper = _keeper(checkpoint, position, pressed, task, loop, plan.epochs)
            result = loop.run_epoch(epoch, keeper, position.state)
            logs = _logs(loop, epoch, result, validation.run())
            task.update(epoch + 1, _detail(epoch, plan.epochs, logs))
            callbacks.on_epoch_end(epoch, logs)
            position = Position(epoch + 1, EpochState(), [*position.history, logs])
            if loop.model.stop_training:
                break
            if pressed():  # while validation ran
                checkpoint.save(position)
                raise KeyboardInterrupt
    loop.finish()
    callbacks.on_train_end()
    return position.history


def early_stopping(config: "EarlyStopping") -> keras.callbacks.EarlyStopping:
    """Return Keras' callback; it restores the best weights whether or not it stops."""
    return keras.callbacks.EarlyStopping(
        monitor=config.monitor,
        mode="min" if config.monitor == "val_loss" else "max",
        patience=config.patience,
        min_delta=config.min_delta,
        restore_best_weights=True,
    )


def _keeper(
    checkpoint: Checkpoint,
    position: Position,
    pressed: Callable[[], bool],
    task: "Task",
    loop: CompiledLoop,
    epochs: int,
) -> Callable[[EpochState], None]:
    """Return what is called after every chunk: it reports, saves, and ends on Ctrl-C."""

    def keep(state: EpochState) -> None:
        epoch, result = position.epoch, loop.result(state)
        logs = {"loss": result.loss, "accuracy": result.accuracy}
        task.update(epoch + state.step / loop.num_steps, _detail(epoch, epochs, logs))
        if pressed() or checkpoint.is_due():
            checkpoint.save(Position(epoch, state, position.history))
        if pressed():
            raise KeyboardInterrupt

    return keep


def _logs(loop: CompiledLoop, epoch: int, train: Result, validation: Result) -> dict[str, float]:
    if not math.isfinite(validation.loss):  # the last step ruined the weights
        raise loop.divergence(epoch, loop.num_steps - 1)
    return {
        "loss": train.loss,
        "accuracy": train.accuracy,
        "val_loss": validation.loss,
        "val_accuracy": validation.accuracy,
    }


def _detail(epoch: int, epochs: int, logs: dict[str, float]) -> str:
    shown = [f"{name} {value:.4f}" for name, value in logs.items() if name != "val_loss"]
    return "  ".join([f"epoch {epoch + 1}/{epochs}", *shown])
