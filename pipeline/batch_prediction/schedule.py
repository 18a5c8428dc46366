"""Which part a worker predicts next.

Row groups of Parquet files can only be decoded from their beginning. A worker that continues in the
one it has just read decodes nothing twice; each worker that begins inside decodes the rows before.
"""

from collections.abc import Iterable, Iterator, Sequence

from pipeline.batch_prediction.sources import Part


class Schedule:
    """The parts that are still to be predicted; each is given out once."""

    def __init__(self, parts: Sequence[Part], remaining: Iterable[int]) -> None:
        self._parts = parts
        self._remaining = sorted(remaining)
        self._given: set[int] = set()
        self._has_runs = any(parts[number].continues for number in self._remaining)

    def next(self, previous: int | None) -> Part | None:
        """Return the part for a worker whose previous part had this number; None at the end."""
        if not self._remaining:
            return None
        number = self._continued(previous)
        if number is None:
            number = self._beginning()
        self._remaining.remove(number)
        self._given.add(number)
        return self._parts[number]

    def _continued(self, previous: int | None) -> int | None:
        """Return the part after the previous one in the same row group, if it is left."""
        if previous is None or previous + 1 not in self._remaining:
            return None
        return previous + 1 if self._parts[previous + 1].continues else None

    def _beginning(self) -> int:
        """Return the beginning of a run that no worker comes to, else the middle of one."""
        if not self._has_runs:
            return self._remaining[0]
        runs = [*self._runs()]
        free = [run for run in runs if not self._is_expected(run[0])]
        run = max(free or runs, key=len)
        return run[0 if free else len(run) // 2]

    def _is_expected(self, number: int) -> bool:
        """Return whether a worker that is busy with the part before will continue with this one."""
        return self._parts[number].continues and number - 1 in self._given

    def _runs(self) -> Iterator[list[int]]:
        """Yield the numbers of parts that one worker can read without decoding rows twice."""
        run = self._remaining[:1]
        for number in self._remaining[1:]:
            if number == run[-1] + 1 and self._parts[number].continues:
                run.append(number)
            else:
                yield run
                run = [number]
        yield run
