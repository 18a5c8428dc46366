"""Every request of both ports is counted, and has its line in the log."""

import time
from datetime import UTC, datetime
from typing import Any

from pipeline.serving import metrics
from pipeline.serving.journal import Journal
from pipeline.serving.versions import Version


class Accounts:
    """Where answered requests are noted."""

    def __init__(self, journal: Journal | None) -> None:
        """Without a journal requests are only counted."""
        self._journal = journal

    def note(
        self,
        route: str,
        version: Version | None,
        status: int,
        began: float,
        record: dict[str, Any],
    ) -> None:
        """Note a request; ``began`` in seconds of ``perf_counter``, ``record`` for the log."""
        seconds = time.perf_counter() - began
        model, number = (version.model, version.text) if version else (None, None)
        metrics.count_request(route, model or "", number or "", status, seconds)
        if self._journal is None:
            return
        self._journal.put(
            {
                "time": datetime.now(UTC),
                "event": "request",
                **record,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "model": model,
                "version": number,
            }
        )
