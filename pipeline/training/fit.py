"""Epochs, callbacks and checkpoints around the compiled loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.artifacts.history import Logs
from pipeline.errors import TrainingFailed, TrainingStalled
from pipeline.progress import TRAINING
from pipeline.system.interruption import Interruption, deferred_interruption
from pipeline.training.callback_list import CallbackList
from pipeline.training.checkpoint import Checkpoint, Position, Saved
from pipeline.training.compiled_program import EpochState, Result
from pipeline.training.loop import Loop

if TYPE_CHECKING:
    from pipeline.progress import Progress
    from pipeline.progress import Task as ProgressTask
    from pipeline.tasks.task import Task


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

    def run(self, saved: Saved | None = None) -> Position:
        """Train the loop's model in place and return the position at the end.

        Resumes from ``saved``; saves checkpoints from time to time, and when a signal
        stops the command.

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
            TrainingStalled: no weight can change any more.
            ConfigError: a callback failed.
        """
        position = self._begin(saved)
        with (
            self.progress.task(TRAINING, total=self.epochs) as task,
            deferred_interruption() as interruption,
        ):
            try:
                while self._continues(position):
                    position = self._run_epoch(position, task, interruption)
                    self._report(position)
                    if interruption.arrived:  # during validation
                        self._save(position)
                        interruption.check()
            except TrainingFailed as error:
                error.history, error.costs = position.history, position.costs
                raise
        self.loop.program.finish()
        self.callbacks.train_end()
        return position

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
        for epoch, logs in enumerate(position.history, start=1):
            self.progress.epoch_finished(epoch, dict(logs), position.costs[epoch - 1])
        self.callbacks.train_begin(resumed_epoch=position.epoch)
        if position.state.step:
            self.callbacks.epoch_begin(position.epoch)
        saved.restore(self.loop.program.variables, self.callbacks)
        self.loop.cost = position.cost
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
                self._save(self._at(position, state=state))
            interruption.check()

        result = self.loop.run_epoch(epoch, after_chunk, position.state)
        logs = self._logs(epoch, result)
        task.update(epoch + 1, self._detail(epoch, logs))
        history = [*position.history, self.callbacks.epoch_end(epoch, logs)]
        costs = [*position.costs, self.loop.cost]
        return self._at(position, epoch=epoch + 1, state=EpochState(), history=history, costs=costs)

    def _at(self, position: Position, **changes: object) -> Position:
        """Return a position with some changes, and with the current cost and request to stop."""
        return replace(position, cost=self.loop.cost, stopped=self.callbacks.should_stop, **changes)  # type: ignore[arg-type]

    def _report(self, position: Position) -> None:
        """Report a completed epoch; an exception ends the training, but does not lose the epoch."""
        try:
            logs, cost = position.history[-1], position.costs[-1]
            self.progress.epoch_finished(position.epoch, dict(logs), cost)
        except BaseException:
            self._save(position)
            raise

    def _save(self, position: Position) -> None:
        program = self.loop.program
        self.checkpoint.save(position, program.compiler, program.variables, self.callbacks)

    def _logs(self, epoch: int, train: Result) -> Logs:
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
