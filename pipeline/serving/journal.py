"""JSON lines on standard error: one a request, one an event."""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

_KEPT_SECONDS = 0.1
_FIELDS = ("model", "version", "request_id")


class AccessLog:
    """Lines of requests; they are collected for a tenth of a second and written at once."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._lines: list[bytes] = []

    def write(self, record: dict[str, Any]) -> None:
        """Keep a line; ``record`` holds plain values."""
        if not self.enabled:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(_KEPT_SECONDS, self.flush)
        line = {"time": datetime.now(UTC), "event": "request", **record}
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Write what was kept."""
        lines, self._lines = self._lines, []
        _write(b"".join(lines))


class JsonFormatter(logging.Formatter):
    """A log record as one JSON line; a traceback is a field of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "event": "log",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {
            name: value for name in _FIELDS if (value := getattr(record, name, None)) is not None
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def set_up_logging() -> None:
    """Send what this server and its libraries log to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name, level in (
        ("pipeline.serving", logging.INFO),
        ("uvicorn.error", logging.WARNING),
        ("grpc", logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def _write(lines: bytes) -> None:
    try:
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()
    except OSError:  # whoever read it has gone; requests go on
        pass
