"""Count and log every request, on both ports."""

import time
from datetime import UTC, datetime
from typing import Any

from pipeline.serving import inference_times, request_counts
from pipeline.serving.json_log import JsonLog
from pipeline.serving.versions import Version


class AccessLog:
    """Count completed requests and write the access log."""

    def __init__(self, json_log: JsonLog | None) -> None:
        """Create the log; without ``json_log``, requests are only counted."""
        self._json_log = json_log

    @property
    def writes(self) -> bool:
        """Whether requests are written, and not only counted."""
        return self._json_log is not None

    def log_request(
        self,
        route: str,
        version: Version | None,
        status: int,
        began: float,
        record: dict[str, Any],
    ) -> None:
        """Record a completed request.

        ``began`` is in seconds of ``time.perf_counter``; ``record`` is added to the log line, and
        may be empty if ``writes`` is false.
        """
        seconds = time.perf_counter() - began
        model, number = (version.model, version.text) if version else (None, None)
        request_counts.count_request(route, model or "", number or "", status, seconds)
        inference_times.add_request(route, model or "", number or "", status, seconds)
        if self._json_log is None:
            return
        self._json_log.put(
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
