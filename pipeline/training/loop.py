"""Train with mini-batches: epochs of the compiled program in chunks of steps.

Between the chunks, the loop reports progress and can be interrupted.
"""

import time
from collections.abc import Callable

from pipeline.errors import TrainingDiverged
from pipeline.progress import TrainingCost
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.feed import Feed, Shard
from pipeline.training.fit import Fit
from pipeline.training.network_program import Result
from pipeline.training.step_reports import StepReports

CHUNK_SECONDS = 0.5  # how often the loop reports progress and can be interrupted
REPORT_SECONDS = 0.02  # steps_finished is not called more often

AfterChunk = Callable[[EpochState], None]
_EPOCH_START = EpochState()


class Loop:
    """Trains with epochs over a feed, in random batches that partition the images."""

    def __init__(self, program: Program, feed: Feed) -> None:
        """Use a program that was compiled for the shards of the feed."""
        self.program, self.feed = program, feed
        self.cost = TrainingCost()  # of all steps so far; a resumed training sets it
        self._chunk = 1
        self._reports: StepReports | None = None

    def train(self, fit: Fit) -> None:
        """Run the epochs of ``fit``.

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
        """

        def after_chunk(state: EpochState) -> None:
            if self._reports and self._reports.is_due(state.step):
                step = fit.position.epoch * self.feed.num_steps + state.step
                logs = self.result(state, since=self._reports.next(state)).logs()
                fit.progress.steps_finished(step, logs, self.cost)
            fit.progressed(state, self.result(state), state.step / self.feed.num_steps)

        while fit.continues:
            fit.begin_epoch()
            start = fit.position
            if fit.progress.reports_steps:
                self._reports = StepReports(self.feed.num_steps, start.state)
            fit.end_epoch(self.run_epoch(start.epoch, after_chunk, start.state))

    def run_epoch(
        self, epoch: int, after_chunk: AfterChunk, state: EpochState = _EPOCH_START
    ) -> Result:
        """Train on every image once, starting at ``state``, in an order drawn from (seed, epoch).

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
        """
        if state.step < self.feed.num_steps:
            number, first = divmod(state.step, self.feed.shard_steps)
            for shard in self.feed.shards(epoch, number):
                state = self._run_shard(epoch, shard, first, state, after_chunk)
                first = 0
        return self.result(state)

    def result(self, state: EpochState, since: EpochState = _EPOCH_START) -> Result:
        """Return the means over the images of the epoch seen between two of its states."""
        seen = self._seen(state.step) - self._seen(since.step)
        before = since.metric_sums or (0,) * len(state.metric_sums)
        sums = tuple(a - b for a, b in zip(state.metric_sums, before, strict=True))
        return self.program.means((state.loss_sum - since.loss_sum) / seen, sums, seen)

    def divergence(self, epoch: int) -> TrainingDiverged:
        """Return the error for a loss that is not finite after the last step of an epoch."""
        return self._divergence(epoch, self.feed.num_steps - 1)

    def _divergence(self, epoch: int, step: int) -> TrainingDiverged:
        """Return the error for a NaN or infinite loss; epoch and step are counted from 0."""
        return TrainingDiverged(
            f"The loss became NaN or infinite in epoch {epoch + 1}, step {step + 1} of "
            f"{self.feed.num_steps}. Nothing was published. Try a smaller optimizer.learning_rate, "
            "optimizer.clipnorm, or a larger train.batch_size."
        )

    def _run_shard(
        self, epoch: int, shard: Shard, first: int, state: EpochState, after_chunk: AfterChunk
    ) -> EpochState:
        while first < shard.num_steps:
            count = min(self._chunk, shard.num_steps - first)
            if self._reports:
                # Shorter intervals would slow the training down: every chunk is a call.
                shortest = int(self._chunk * REPORT_SECONDS / CHUNK_SECONDS)
                count = min(count, self._reports.steps_left(state.step, shortest))
            count = min(self.program.whole(count), shard.num_steps - first)
            started = time.monotonic()
            before = state.step
            state, finite = self.program.run(shard, state, count, first=first)
            seconds = time.monotonic() - started
            self._add_cost(seconds, before, state.step)
            if not finite:
                raise self._divergence(epoch, state.step - 1)
            self._adapt_chunk(count, seconds)
            first += count
            after_chunk(state)
        return state

    def _add_cost(self, seconds: float, first: int, last: int) -> None:
        """Add the steps of the epoch from ``first`` up to ``last``."""
        self.cost += TrainingCost(seconds, last - first, self._seen(last) - self._seen(first))

    def _seen(self, steps: int) -> int:
        """Return the number of images in the first steps of an epoch; the last may have fewer."""
        return min(steps * self.feed.batch_size, self.feed.num_images)

    def _adapt_chunk(self, count: int, seconds: float) -> None:
        ideal = int(count * CHUNK_SECONDS / max(seconds, 1e-6))
        self._chunk = max(1, min(ideal, 4 * self._chunk))
