"""Calls whose messages are arriving; the oldest are dropped if there are too many."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipeline.serving.client_addresses import address_of_peer, network_of
from pipeline.serving.errors import ServingError, too_many
from pipeline.serving.service import Service


@dataclass(eq=False, slots=True)
class _Arrival:
    """One call; ``task`` is its handler, and ``error`` why it was dropped."""

    network: str
    began: float
    task: "asyncio.Task[Any]"
    error: ServingError | None = None


class Arrivals:
    """The arriving calls of one worker, with the limits that uploads have over HTTP.

    gRPC reports no progress of a message, so the slowest call is the oldest one. One timer serves
    all calls: with the timers and contexts of uploads, a call would take a tenth more time.
    """

    def __init__(self, service: Service) -> None:
        self._service, self._limits = service, service.settings.limits
        self._open: dict[_Arrival, None] = {}  # the oldest first
        self._counts: Counter[str] = Counter()  # by network
        self._timer: asyncio.TimerHandle | None = None

    async def receive(self, context: Any) -> Any:
        """Return the message of a call, or ``grpc.aio.EOF`` if there is none.

        Raises:
            ServingError: (408) it does not arrive in time; (429) it is the oldest of too many.
        """
        arrival = self._add(network_of(address_of_peer(context.peer())))
        try:
            return await context.read()
        except asyncio.CancelledError:
            if arrival.error is None or arrival.task.uncancel():  # the client is gone
                raise
            raise arrival.error from None
        finally:
            self._service.waiting_for_clients -= 1
            if arrival in self._open:
                self._remove(arrival)

    def _add(self, network: str) -> _Arrival:
        task, now = asyncio.current_task(), asyncio.get_running_loop().time()
        assert task
        self._make_room(network)
        arrival = _Arrival(network, now, task)
        self._open[arrival] = None
        self._counts[network] += 1
        self._service.waiting_for_clients += 1
        if self._timer is None:
            self._drop_late()
        return arrival

    def _make_room(self, network: str) -> None:
        """Drop the oldest call if there is no place for one more from this network."""
        limit, client_limit = self._limits.uploads, self._limits.client_uploads
        if client_limit and self._counts[network] >= client_limit:
            oldest = next(arrival for arrival in self._open if arrival.network == network)
            what = "calls of one client may arrive at a time (--max-client-uploads)"
            self._drop(oldest, _too_slow(what, client_limit))
        if len(self._open) >= limit:
            what = "calls may arrive at a time (--max-uploads)"
            self._drop(next(iter(self._open)), _too_slow(what, limit))

    def _drop_late(self) -> None:
        """Drop the calls that are late, and do so again when the next one is."""
        loop, seconds = asyncio.get_running_loop(), self._limits.receive_seconds
        self._timer = None
        for arrival in list(self._open):
            if arrival.began + seconds > loop.time():
                self._timer = loop.call_at(arrival.began + seconds, self._drop_late)
                return
            sentence = f"The message did not arrive within {seconds:g} s (--receive-seconds)."
            self._drop(arrival, ServingError(408, sentence))

    def _drop(self, arrival: _Arrival, error: ServingError) -> None:
        self._remove(arrival)
        arrival.error = error
        arrival.task.cancel()  # it responds with the error

    def _remove(self, arrival: _Arrival) -> None:
        del self._open[arrival]
        self._counts[arrival.network] -= 1
        if not self._counts[arrival.network]:
            del self._counts[arrival.network]


def _too_slow(what: str, limit: int) -> ServingError:
    return too_many(f"{what}, and this one was the slowest", limit)
