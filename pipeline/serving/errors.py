"""Error responses: a status and a sentence, never a traceback."""

from http import HTTPStatus


class ServingError(Exception):
    """A rejected request; the sentence says what was received, what was expected, what to do."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        retry_after_seconds: int | None = None,
        allow: str | None = None,
        close: bool = False,
    ) -> None:
        """Create an error; ``close`` if the connection cannot be reused.

        That is the case if the rest of the request was not read.
        """
        super().__init__(sentence)
        self.status = HTTPStatus(status)
        self.retry_after_seconds = retry_after_seconds
        self.allow = allow
        self.close = close

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the HTTP response."""
        named = {
            b"retry-after": self.retry_after_seconds,
            b"allow": self.allow,
            b"connection": "close" if self.close else None,
            b"www-authenticate": "Bearer" if self.status == HTTPStatus.UNAUTHORIZED else None,
        }
        return [(name, str(value).encode()) for name, value in named.items() if value is not None]


def bad_request(sentence: str) -> ServingError:
    """Return the error for an invalid request."""
    return ServingError(400, sentence)


def not_found(sentence: str) -> ServingError:
    """Return the error for something that is not served."""
    return ServingError(404, sentence)


def deadline_exceeded() -> ServingError:
    """Return the error for a request whose deadline passed while it waited."""
    return ServingError(
        504,
        "The request's deadline passed while it waited for inference. Send fewer requests at a "
        "time, or start more workers (--workers).",
    )


def too_large(what: str, limit_bytes: int, *, close: bool = False) -> ServingError:
    """Return the error for a body, or a part of one, that exceeds its limit."""
    return ServingError(
        413,
        f"{what} must have at most {limit_bytes:,} bytes; got more. Send fewer images per request.",
        close=close,
    )


def too_many(what: str, limit: int, *, close: bool = False) -> ServingError:
    """Return the error for a request that exceeds the server's capacity."""
    sentence = f"The server is busy: at most {limit:,} {what}. Try again later."
    return ServingError(429, sentence, retry_after_seconds=1, close=close)
