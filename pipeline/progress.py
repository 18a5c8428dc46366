"""What users see while work goes on: the interface, and the silent version of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """One piece of work under way; a fetcher may use it as its progress bar."""

    def update(self, completed: float, detail: str = "") -> None:
        """Say how much of the total is done, in the unit of the total."""


class Progress(Protocol):
    """Where stages report to; the terminal's version is in ``pipeline.terminal.console``."""

    def notice(self, text: str) -> None:
        """Say something that the user must not miss."""

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage that ran or was found up to date."""

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Show work under way; without a total, only that it is."""


class _SilentTask:
    def update(self, completed: float, detail: str = "") -> None:
        pass


class Silent(Progress):
    """Shows nothing: for scripts and tests."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Say nothing."""

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Show nothing."""
        del description, total
        return nullcontext(_SilentTask())


_default: list[Callable[[], Progress]] = [Silent]


def set_default_progress(factory: Callable[[], Progress]) -> None:
    """Choose what calls without ``progress`` report to; ``pipeline.terminal`` does so."""
    _default[:] = [factory]


def default_progress() -> Progress:
    """Return a new progress of the kind that was chosen, by default a silent one."""
    return _default[0]()
