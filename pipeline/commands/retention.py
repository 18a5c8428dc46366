"""Which runs ``pipeline clean`` keeps: the newest ones, or those that are young enough."""

import re
import time
from dataclasses import dataclass

from pipeline.errors import RequestError

_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d{1,6})([hdw])")


@dataclass(frozen=True)
class Retention:
    """Keep the ``newest`` runs, or what was in use during the last ``seconds``."""

    newest: int | None
    seconds: int | None

    def keeps(self, position: int, used: float) -> bool:
        """Return whether a run is kept, by its position from the newest and its last use."""
        return not self.is_past(used) if self.newest is None else position < self.newest

    def is_past(self, used: float) -> bool:
        """Return whether what belongs to no run may be removed, by its last use."""
        return self.seconds is None or time.time() - used > self.seconds


def retention(*, keep: int | None, older_than: str | None) -> Retention:
    """Return what the options of the command say.

    Raises:
        RequestError: both are given, or none; or one of them is invalid.
    """
    if (keep is None) == (older_than is None):
        raise RequestError(
            "pipeline clean needs exactly one of --keep N, which keeps the newest N runs, and "
            "--older-than DURATION, which removes runs that ended before, such as --older-than "
            f"30d; got {'none' if keep is None else 'both'}."
        )
    if keep is not None and keep < 0:
        raise RequestError(f"--keep must be at least 0; got {keep}.")
    return Retention(keep, None if older_than is None else _seconds(older_than))


def _seconds(duration: str) -> int:
    match = _DURATION.fullmatch(duration.strip())
    if match is None:
        raise RequestError(
            "--older-than must be a whole number of hours, days or weeks, such as 12h, 30d or 2w; "
            f"got {duration!r}."
        )
    return int(match[1]) * _SECONDS[match[2]]
