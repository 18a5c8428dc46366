"""The events of a journal: JSON objects with the key ``event``."""

import time
from typing import Any

Event = dict[str, Any]


def metrics(event: str, step: int, values: dict[str, float]) -> Event:
    """Return the metrics of a step; a step is an epoch, counted from 1."""
    return {"event": event, "step": step, "metrics": values, "time": now()}


def end_event(status: str) -> Event:
    """Return the end of a run, with a status of MLflow."""
    return {"event": "end", "status": status, "time": now()}


def missing(events: list[Event], known: list[Event]) -> list[Event]:
    """Return those of the events that the known ones do not include."""
    keys = {_key(event) for event in known}
    return [event for event in events if _key(event) not in keys]


def describe(events: list[Event]) -> str:
    """Return what events are in words, such as "3 epochs and version 2", or "" for none."""
    epochs = len({event["step"] for event in events if event["event"] == "epoch"})
    words = [f"{epochs} epoch{'s' * (epochs > 1)}"] if epochs else []
    words += [f"version {event['version']}" for event in events if event["event"] == "model"]
    if not words and events:
        words = ["the end of the run"]
    return " and ".join(words)


def now() -> int:
    """Return the time in milliseconds, as MLflow stores it."""
    return int(time.time() * 1000)


def _key(event: Event) -> tuple[Any, ...]:
    return tuple(event.get(name) for name in ("event", "step", "path", "version"))
