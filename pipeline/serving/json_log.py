"""JSON log lines on standard error, one per request or event; a slow reader delays no request."""

import json
import logging
import queue
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

import orjson

_MAX_LINES = 100_000  # waiting for the reader of standard error; further lines are dropped
_CLOSE_SECONDS = 2.0
_FLUSH_SECONDS = 0.05  # lines are written in groups: waking the thread for each costs throughput
_FIELDS = ("model", "version", "request_id")


class JsonLog:
    """Writes lines in a thread, so that a reader that pauses does not stop the server."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="json_log", daemon=True)
        self._thread.start()

    def put(self, line: dict[str, Any]) -> None:
        """Queue a line of plain values for writing."""
        if self._lines.qsize() >= _MAX_LINES:
            self._dropped += 1
            return
        self._lines.put(_as_json(line))

    def close(self) -> None:
        """Write the queued lines, unless the reader has stopped reading."""
        self._lines.put(None)
        self._thread.join(_CLOSE_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            time.sleep(_FLUSH_SECONDS)
            lines = [line]
            while not self._lines.empty() and lines[-1] is not None:
                lines.append(self._lines.get())  # type: ignore[arg-type]
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                lines.insert(0, b'{"event":"log","message":"%d lines dropped"}\n' % dropped)
            _write(b"".join(filter(None, lines)))
            if lines[-1] is None:
                return


class JsonHandler(logging.Handler):
    """Writes each log record as one line, with the traceback as a field."""

    def __init__(self, json_log: JsonLog) -> None:
        super().__init__()
        self._json_log = json_log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
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
            line["traceback"] = logging.Formatter().formatException(record.exc_info)
        self._json_log.put(line)


def set_up_logging() -> JsonLog:
    """Write the logs of this server and its libraries to standard error, as JSON lines."""
    json_log = JsonLog()
    handler = JsonHandler(json_log)
    logging.captureWarnings(capture=True)
    for name, level in (
        ("pipeline.serving", logging.INFO),
        ("uvicorn.error", logging.ERROR),  # warnings are about what clients send
        ("grpc", logging.WARNING),
        ("asyncio", logging.WARNING),
        ("py.warnings", logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    return json_log


def _as_json(line: dict[str, Any]) -> bytes:
    """Return a line in ASCII, since some readers also split lines at U+2028 or U+0085.

    Strings may contain surrogates, from file names that are not UTF-8.
    """
    try:
        text = orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE)
        if text.isascii():
            return text
    except TypeError:
        pass
    return json.dumps(line, default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _write(lines: bytes) -> None:
    try:
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()
    except (OSError, ValueError):  # standard error was closed; continue to serve
        pass
