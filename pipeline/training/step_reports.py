"""When to report steps within an epoch: after equal numbers of them."""

from pipeline.training.compiled_program import EpochState

REPORTS_PER_EPOCH = 20


class StepReports:
    """The reports of an epoch; intervals are merged where a chunk of the loop covers several."""

    def __init__(self, steps_per_epoch: int, start: EpochState) -> None:
        """Begin an epoch, or resume it at a state."""
        self._last_step = steps_per_epoch
        self._interval = -(-steps_per_epoch // REPORTS_PER_EPOCH)
        self._reported = start

    def steps_left(self, step: int, shortest: int) -> int:
        """Return the steps to the next report, in intervals of at least ``shortest`` steps."""
        interval = self._interval * max(1, -(-shortest // self._interval))
        return interval - step % interval

    def is_due(self, step: int) -> bool:
        """Whether to report after this step of the epoch."""
        return step % self._interval == 0 or step == self._last_step

    def next(self, state: EpochState) -> EpochState:
        """Return the state of the previous report, and remember this one."""
        previous, self._reported = self._reported, state
        return previous
