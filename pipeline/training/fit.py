"""What all methods of training have around their epochs: validation, callbacks, checkpoints."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from pipeline.artifacts.history import Logs
from pipeline.errors import TrainingDiverged, TrainingFailed, TrainingStalled
from pipeline.progress import TRAINING, TrainingCost, Unit
from pipeline.system.interruption import Interruption, deferred_interruption
from pipeline.training.callback_list import CallbackList
from pipeline.training.checkpoint import Checkpoint, Position, Saved
from pipeline.training.compiled_program import EpochState
from pipeline.training.feed import Feed
from pipeline.training.network_program import NetworkProgram, Result

if TYPE_CHECKING:
    from pipeline.progress import Progress
    from pipeline.progress import Task as ProgressTask
    from pipeline.tasks.task import Task


class Trainer(Protocol):
    """A method of training, such as mini-batches with an optimizer of Keras."""

    feed: Feed
    cost: TrainingCost  # of all work so far; a resumed training sets it

    @property
    def program(self) -> NetworkProgram:
        """The program with the model."""

    def train(self, fit: "Fit") -> None:
        """Run epochs from ``fit.position`` on, while ``fit.continues``.

        In each, call ``begin_epoch``, ``progressed`` from time to time, and ``end_epoch``.

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
            TrainingStalled: no weight can change any more.
        """

    def divergence(self, epoch: int) -> TrainingDiverged:
        """Return the error for a loss that is not finite after an epoch, counted from 0."""


@dataclass
class Fit:
    """A training: a trainer with its validation, callbacks and checkpoint."""

    trainer: Trainer
    validate: Callable[[], Result] | None  # None without a validation set
    task: "Task"
    callbacks: CallbackList
    checkpoint: Checkpoint
    epochs: int
    progress: "Progress"
    restores_best: bool = False  # by early stopping, so that a network that dies later is no loss
    position: Position = field(default_factory=Position)
    _bar: "ProgressTask" = field(init=False)
    _interruption: Interruption = field(init=False)

    def run(self, saved: Saved | None = None) -> Position:
        """Train the model in place and return the position at the end.

        Resumes from ``saved``; saves checkpoints from time to time, and when a signal
        stops the command.

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
            TrainingStalled: no weight can change any more.
            ConfigError: a callback failed.
        """
        self._begin(saved)
        unit = Unit("epochs", images=self.trainer.feed.num_images)
        with (
            self.progress.task(TRAINING, total=self.epochs, unit=unit) as self._bar,
            deferred_interruption() as self._interruption,
        ):
            try:
                if self.continues:
                    self.trainer.train(self)
            except TrainingFailed as error:
                error.history, error.costs = self.position.history, self.position.costs
                raise
        self.trainer.program.finish()
        self.callbacks.train_end()
        return self.position

    @property
    def continues(self) -> bool:
        """Whether to train on; a begun epoch is completed even if a callback requested a stop."""
        begun = self.position.state.step > 0
        return self.position.epoch < self.epochs and (begun or not self.position.stopped)

    def begin_epoch(self) -> None:
        """Begin the next epoch, unless the training was interrupted in it."""
        if not self.position.state.step:
            self.callbacks.epoch_begin(self.position.epoch)

    def progressed(self, state: EpochState, result: Result, share: float) -> None:
        """Show the result of a share of the epoch; save a checkpoint if it is time.

        Raises:
            KeyboardInterrupt: a signal has arrived.
        """
        epoch = self.position.epoch
        self._bar.update(epoch + share, self._detail(result.logs()))
        if self._interruption.arrived or self.checkpoint.is_due():
            self._save(self._now(state=state))
        self._interruption.check()

    def end_epoch(self, train: Result) -> None:
        """Complete an epoch: validate, log, call the callbacks, and report it.

        Raises:
            TrainingDiverged: the loss on the validation set is infinite or not a number.
            TrainingStalled: no weight can change any more.
            ConfigError: a callback failed.
            KeyboardInterrupt: a signal has arrived.
        """
        epoch = self.position.epoch
        logs = self._logs(epoch, train)
        self._bar.update(epoch + 1, self._detail(logs))
        history = [*self.position.history, self.callbacks.epoch_end(epoch, logs)]
        costs = [*self.position.costs, self.trainer.cost]
        self.position = self._now(epoch=epoch + 1, state=EpochState(), history=history, costs=costs)
        self._report()
        if self._interruption.arrived:  # during validation
            self._save(self.position)
            self._interruption.check()

    def check_interruption(self) -> None:
        """Raise the ``KeyboardInterrupt`` of a signal that has arrived, without a checkpoint."""
        self._interruption.check()

    def _begin(self, saved: Saved | None) -> None:
        """Begin or resume: callbacks see their epoch begin before their state in it is restored."""
        if saved is None:
            self.callbacks.train_begin()
            return
        self.position = position = saved.position
        if position.epoch < self.epochs:
            where = f"epoch {position.epoch + 1}, step {position.state.step}"
            self.progress.notice(f"Resuming from {where}.")
        for epoch, logs in enumerate(position.history, start=1):
            self.progress.epoch_finished(epoch, dict(logs), position.costs[epoch - 1])
        self.callbacks.train_begin(resumed_epoch=position.epoch)
        if position.state.step:
            self.callbacks.epoch_begin(position.epoch)
        saved.restore(self.trainer.program.variables, self.callbacks)
        self.trainer.cost = position.cost

    def _report(self) -> None:
        """Report a completed epoch; an exception ends the training, but does not lose the epoch."""
        try:
            logs, cost = self.position.history[-1], self.position.costs[-1]
            self.progress.epoch_finished(self.position.epoch, dict(logs), cost)
        except BaseException:  # a pruned trial, or a signal
            self._save(self.position)
            raise

    def _now(self, **changes: object) -> Position:
        """Return the position with changes, the current cost and the callbacks' request to stop."""
        current = {"cost": self.trainer.cost, "stopped": self.callbacks.should_stop}
        return replace(self.position, **current, **changes)  # type: ignore[arg-type]

    def _save(self, position: Position) -> None:
        program = self.trainer.program
        self.checkpoint.save(position, program.compiler, program.variables, self.callbacks)

    def _logs(self, epoch: int, train: Result) -> Logs:
        validation = self.validate() if self.validate is not None else None
        if validation is not None and not math.isfinite(validation.loss):
            raise self.trainer.divergence(epoch)  # the last step ruined the weights
        reason = self.task.explain_dead_output((validation or train).metrics)
        if reason and not (self.restores_best and epoch > 0):
            raise TrainingStalled(
                f"Training stopped after epoch {epoch + 1}. {reason} Nothing was published."
            )
        return {**train.logs(), **(validation.logs("val_") if validation else {})}

    def _detail(self, logs: Logs) -> str:
        return "  ".join(
            f"{name} {value:.4f}" for name, value in logs.items() if name != "val_loss"
        )
