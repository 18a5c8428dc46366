"""Epochs, callbacks and checkpoints around the compiled loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import TrainingStalled
from pipeline.system.interruption import Interruption, deferred_interruption
from pipeline.training.callback_list import CallbackList
from pipeline.training.checkpoint import Checkpoint, Position, Saved
from pipeline.training.compiled_program import EpochState, Result
from pipeline.training.loop import Loop

if TYPE_CHECKING:
    from pipeline.progress import Progress
    from pipeline.progress import Task as ProgressTask
    from pipeline.tasks.task import Task

History = list[dict[str, float]]


@dataclass
class Fit:
    """A training: the loop with its validation, callbacks and checkpoint."""

    loop: Loop
    validate: Callable[[], Result]
    task: "Task"
    callbacks: CallbackList
    checkpoint: Checkpoint
    epochs: int
    progress: "Progress"
    restores_best: bool = False  # by early stopping, so that a network that dies later is no loss

    def run(self, saved: Saved | None = None) -> History:
        """Train the loop's model in place and return the logs of each epoch.

        Resumes from ``saved``; saves checkpoints from time to time, and when a signal
        stops the command.

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
            TrainingStalled: no weight can change any more.
            ConfigError: a callback failed.
        """
        position = self._begin(saved)
        with (
            self.progress.task("training", total=self.epochs) as task,
            deferred_interruption() as interruption,
        ):
            while self._continues(position):
                position = self._run_epoch(position, task, interruption)
                if interruption.arrived:  # during validation
                    self._save(position)
                    interruption.check()
        self.loop.program.finish()
        self.callbacks.train_end()
        return position.history

    def _continues(self, position: Position) -> bool:
        """Whether to train on; a begun epoch is completed even if a callback requested a stop."""
        begun = position.state.step > 0
        return position.epoch < self.epochs and (begun or not position.stopped)

    def _begin(self, saved: Saved | None) -> Position:
        """Begin or resume: callbacks see their epoch begin before their state in it is restored."""
        if saved is None:
            self.callbacks.train_begin()
            return Position()
        position = saved.position
        if position.epoch < self.epochs:
            where = f"epoch {position.epoch + 1}, step {position.state.step}"
            self.progress.notice(f"Resuming from {where}.")
        self.callbacks.train_begin(resumed_epoch=position.epoch)
        if position.state.step:
            self.callbacks.epoch_begin(position.epoch)
        saved.restore(self.loop.program.variables, self.callbacks)
        return position

    def _run_epoch(
        self, position: Position, task: "ProgressTask", interruption: Interruption
    ) -> Position:
        epoch = position.epoch
        if not position.state.step:
            self.callbacks.epoch_begin(epoch)

        def after_chunk(state: EpochState) -> None:
            result = self.loop.result(state)
            done = epoch + state.step / self.loop.feed.num_steps
            task.update(done, self._detail(epoch, result.logs()))
            if interruption.arrived or self.checkpoint.is_due():
                self._save(Position(epoch, state, position.history, self.callbacks.should_stop))
            interruption.check()

        result = self.loop.run_epoch(epoch, after_chunk, position.state)
        logs = self._logs(epoch, result)
        task.update(epoch + 1, self._detail(epoch, logs))
        logs = self.callbacks.epoch_end(epoch, logs)
        history = [*position.history, logs]
        return Position(epoch + 1, EpochState(), history, self.callbacks.should_stop)

    def _save(self, position: Position) -> None:
        program = self.loop.program
        self.checkpoint.save(position, program.compiler, program.variables, self.callbacks)

    def _logs(self, epoch: int, train: Result) -> dict[str, float]:
        validation = self.validate()
        if not math.isfinite(validation.loss):  # the last step ruined the weights
            raise self.loop.divergence(epoch, self.loop.feed.num_steps - 1)
        reason = self.task.explain_dead_output(validation.metrics)
        if reason and not (self.restores_best and epoch > 0):
            raise TrainingStalled(
                f"Training stopped after epoch {epoch + 1}. {reason} Nothing was published."
            )
        return {**train.logs(), **validation.logs("val_")}

    def _detail(self, epoch: int, logs: dict[str, float]) -> str:
        values = [f"{name} {value:.4f}" for name, value in logs.items() if name != "val_loss"]
        return "  ".join([f"epoch {epoch + 1}/{self.epochs}", *values])
