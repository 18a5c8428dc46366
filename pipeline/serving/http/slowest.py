"""Which connection to close if there are too many: the slowest one of the greediest client."""

import heapq
from collections import Counter
from collections.abc import Collection
from typing import Protocol

_RANKED_AT_A_TIME = 32  # finding the slowest of 1,000 connections takes half a millisecond


class Connection(Protocol):
    """What is compared of a connection."""

    network: str
    waiting_since: float

    def patience_used(self, now: float) -> float | None:
        """Return which share of its time the client has used; None if it is not its turn."""


class Slowest:
    """Finds the connections that can be closed with the least harm."""

    def __init__(self) -> None:
        self._ranked: list[tuple[Connection, float]] = []  # the slowest last

    def pop(self, connections: Collection[Connection], now: float) -> Connection | None:
        """Return the next connection to close, or None if no client has kept the server waiting."""
        while True:
            if not self._ranked and not self._rank(connections, now):
                return None
            connection, waiting_since = self._ranked.pop()
            if connection.waiting_since == waiting_since and connection.patience_used(now):
                return connection

    def _rank(self, connections: Collection[Connection], now: float) -> bool:
        """Rank by the time that the client has let pass, times the number of its connections."""
        waiting = [(used, one) for one in connections if (used := one.patience_used(now))]
        counts = Counter(one.network for _, one in waiting)
        slowest = heapq.nlargest(
            _RANKED_AT_A_TIME, waiting, key=lambda each: each[0] * counts[each[1].network]
        )
        self._ranked = [(one, one.waiting_since) for _, one in reversed(slowest)]
        return bool(slowest)
