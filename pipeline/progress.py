"""The interface for progress reports, and an implementation that shows nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

TRAINING = "training"  # the description of the task whose total is the number of epochs


@dataclass(frozen=True)
class TrainingCost:
    """The work of a training up to some point.

    ``seconds`` were spent inside the compiled training steps: without validation, callbacks and
    compilation. ``gradients`` is the number of gradients computed, each of the loss of one batch,
    and ``images`` the number of images that they went over. Only the seconds differ between two
    runs of the same training.
    """

    seconds: float = 0.0
    gradients: int = 0
    images: int = 0

    def __add__(self, other: "TrainingCost") -> "TrainingCost":
        """Return the work of both."""
        return TrainingCost(
            self.seconds + other.seconds,
            self.gradients + other.gradients,
            self.images + other.images,
        )


@dataclass(frozen=True)
class Unit:
    """What the total of a task counts, in the plural, and the number of images in one of it."""

    name: str
    images: float = 0.0


IMAGES = Unit("images", images=1)
MEGABYTES = Unit("MB")


@dataclass(frozen=True)
class Training:
    """A training that begins, or resumes after ``step`` steps of the epoch that follows ``epoch``.

    ``weights`` returns the present trainable weights by name, and ``learning_rate`` the present
    learning rate; methods of the full gradient have none.
    """

    fingerprint: str
    epochs: int
    steps_per_epoch: int
    epoch: int  # completed epochs
    step: int
    weights: Callable[[], Mapping[str, Any]]
    learning_rate: Callable[[], float | None]


class Task(Protocol):
    """One piece of work in progress."""

    def update(self, completed: float, detail: str = "") -> None:
        """Report how much is completed, in the unit of the total."""


class Progress(Protocol):
    """Receives reports from stages; implemented for terminals in ``pipeline.terminal.console``."""

    def notice(self, text: str) -> None:
        """Show a message that the user must not miss."""

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage that ran or was up to date."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Show that a stage is running; its tasks are shown within it. By default, nothing."""
        del name
        return nullcontext()

    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> AbstractContextManager[Task]:
        """Show work in progress; without a total, only that it is running.

        The speed and the remaining time are computed from the first update on, so the first one
        reports where the work begins, unless it begins at once.
        """

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report a completed epoch of a training, counted from 1, its logs, and the cost so far.

        A resumed training reports its earlier epochs again. If this raises an exception, the
        training ends with it; a later run of the same training continues after this epoch.
        """

    reports_steps: bool = False  # whether to call steps_finished, which divides epochs further

    def training_began(self, training: Training) -> None:
        """Report a training that begins or resumes, before any of its epochs."""
        del training

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report the means over the latest steps, and the cost so far.

        ``step`` is the number of steps since the training began. A training that was killed repeats
        the steps after its checkpoint.
        """
        del step, logs, cost


class _SilentTask:
    def update(self, completed: float, detail: str = "") -> None:
        pass


class Silent(Progress):
    """Shows nothing; for scripts and tests."""

    def notice(self, text: str) -> None:
        """Show nothing."""

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Show nothing."""

    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> AbstractContextManager[Task]:
        """Show nothing."""
        del description, total, unit
        return nullcontext(_SilentTask())

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Show nothing."""


class TrainingListener(Protocol):
    """Receives the reports of a training, as ``Progress`` does."""

    def training_began(self, training: Training) -> None:
        """Receive a training that begins or resumes."""

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Receive the means over the latest steps."""

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Receive a completed epoch."""


class WithListeners(Progress):
    """A progress whose reports of a training also go to listeners, which are called first."""

    reports_steps = True

    def __init__(self, progress: Progress, listeners: Sequence[TrainingListener]) -> None:
        self._progress = progress
        self._receivers: list[TrainingListener] = [*listeners, progress]

    def notice(self, text: str) -> None:
        """Show a message that the user must not miss."""
        self._progress.notice(text)

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage that ran or was up to date."""
        self._progress.stage_finished(name, status, seconds, detail)

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Show that a stage is running."""
        return self._progress.stage(name)

    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> AbstractContextManager[Task]:
        """Show work in progress."""
        return self._progress.task(description, total, unit=unit)

    def training_began(self, training: Training) -> None:
        """Report a training that begins or resumes."""
        for receiver in self._receivers:
            receiver.training_began(training)

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report the means over the latest steps."""
        for receiver in self._receivers:
            receiver.steps_finished(step, logs, cost)

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report a completed epoch."""
        for receiver in self._receivers:
            receiver.epoch_finished(epoch, logs, cost)


_default: list[Callable[[], Progress]] = [Silent]


def set_default_progress(factory: Callable[[], Progress]) -> None:
    """Set what calls without ``progress`` report to; ``pipeline.terminal`` sets its own."""
    _default[:] = [factory]


def default_progress() -> Progress:
    """Return a new progress of the kind that was set, by default a silent one."""
    return _default[0]()
