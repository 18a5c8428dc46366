"""Finished cases of a part, saved one by one: a part that was interrupted continues."""

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.paths import PROJECT

FOLDER = PROJECT / ".cache" / "campaign"
MAX_EXAMPLES = 5  # failures of one case that are described
_SHOWN_SECONDS = 30  # between lines of progress where the output is not a terminal


@dataclass(frozen=True)
class Case:
    """A finished case: how often something was ``tried``, and how often it failed.

    ``examples`` describe the first failures; ``outcomes`` count what happened.
    """

    name: str
    tried: int
    failed: int = 0
    examples: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Tally:
    """Counts the outcomes and failures of a case while it runs."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.failed = 0
        self.examples: list[str] = []

    def fail(self, text: str) -> None:
        """Record a failure; only the first ones are described."""
        self.failed += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(text)

    def case(self, name: str, tried: int) -> Case:
        """Return the finished case."""
        return Case(name, tried, self.failed, self.examples, dict(self.outcomes))


class Results:
    """The finished cases of one part for the present state of the code.

    With ``only``, the name of a case, this one is run, even if it is finished, and not saved.
    """

    def __init__(self, part: str, *, folder: Path = FOLDER, only: str | None = None) -> None:
        self.part, self.commit = part, commit()
        self.folder = folder / self.commit / part
        self._path, self._only = self.folder.with_suffix(".jsonl"), only
        self.cases = [] if only else _read(self._path)
        self._started, self._tried_before = time.monotonic(), self.tried
        self._shown = 0.0

    @property
    def tried(self) -> int:
        """How much was tried in all finished cases."""
        return sum(case.tried for case in self.cases)

    @property
    def failed(self) -> int:
        """How much of it failed."""
        return sum(case.failed for case in self.cases)

    def pending(self, names: Iterable[str]) -> list[str]:
        """Return the names of the cases that are not finished."""
        finished = {case.name for case in self.cases}
        return [name for name in names if name not in finished and self._only in {None, name}]

    def run(self, names: Iterable[str], run: Callable[[str], Case]) -> None:
        """Run the cases that are not finished, and save each."""
        for name in self.pending(names):
            started = time.monotonic()
            case = run(name)
            self.add(case, time.monotonic() - started)

    def add(self, case: Case, seconds: float) -> None:
        """Save a finished case and show the progress."""
        record = {**asdict(case), "seconds": round(seconds, 2)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._only is None:
            with self._path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        self.cases.append(Case(**record))
        self.show()

    def show(self, *, last: bool = False) -> None:
        """Print one line about this part: on a terminal it is updated in place."""
        now = time.monotonic()
        rate = (self.tried - self._tried_before) / max(now - self._started, 0.1)
        line = f"{self.part}: {self.tried:,} tried, {self.failed:,} failed, {rate:,.1f}/s"
        if sys.stdout.isatty():
            print(f"\r\x1b[K{line}", end="\n" if last else "", flush=True)
        elif last or now - self._shown >= _SHOWN_SECONDS:
            self._shown = now
            print(line, flush=True)

    def summary(self) -> dict[str, Any]:
        """Return the totals of all finished cases, for the report."""
        outcomes: Counter[str] = Counter()
        for case in self.cases:
            outcomes.update(case.outcomes)
        return {
            "commit": self.commit,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "tried": self.tried,
            "failed": self.failed,
            "outcomes": dict(outcomes.most_common()),
            "examples": [text for case in self.cases for text in case.examples][:20],
            "seconds": round(sum(case.seconds for case in self.cases)),
        }


def commit() -> str:
    """Return the last commit of the code under test, with a digest of uncommitted changes."""
    tested = ("--", "pipeline", "campaign/*.py", "configs")
    last = _git("log", "-1", "--format=%h", *tested).decode().strip()
    changes = _git("diff", "HEAD", *tested)
    return last + (f"-{hashlib.sha256(changes).hexdigest()[:8]}" if changes else "")


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout


def _read(path: Path) -> list[Case]:
    """Return the saved cases; the last line may be incomplete."""
    if not path.exists():
        return []
    *lines, _ = path.read_text().split("\n")
    return [Case(**json.loads(line)) for line in lines]
