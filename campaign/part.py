"""What a part of the campaign is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from campaign.results import Results


@dataclass(frozen=True)
class Part:
    """A part: its name, what it tries, what counts as a failure, and how it runs.

    ``run`` receives the results of earlier runs, how much to try, and a folder for its files;
    ``minutes`` is the expected time on two processors.
    """

    name: str
    tries: str
    failure: str
    total: int
    minutes: int
    run: Callable[[Results, int, Path], None]
