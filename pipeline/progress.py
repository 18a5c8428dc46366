"""The interface for progress reports, and an implementation that shows nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

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


_default: list[Callable[[], Progress]] = [Silent]


def set_default_progress(factory: Callable[[], Progress]) -> None:
    """Set what calls without ``progress`` report to; ``pipeline.terminal`` sets its own."""
    _default[:] = [factory]


def default_progress() -> Progress:
    """Return a new progress of the kind that was set, by default a silent one."""
    return _default[0]()
