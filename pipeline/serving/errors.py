"""What the server answers where it refuses: a status, a sentence, never a traceback."""

from http import HTTPStatus


class ServingError(Exception):
    """A request that is refused; the sentence says what came, what was expected, what to do."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        retry_after_seconds: int | None = None,
        allow: str | None = None,
        close: bool = False,
    ) -> None:
        """``close`` where the rest of the request was not read: the connection cannot go on."""
        super().__init__(sentence)
        self.status = HTTPStatus(status)
        self.retry_after_seconds = retry_after_seconds
        self.allow = allow
        self.close = close

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What HTTP says in headers."""
        named = {
            b"retry-after": self.retry_after_seconds,
            b"allow": self.allow,
            b"connection": "close" if self.close else None,
            b"www-authenticate": "Bearer" if self.status == HTTPStatus.UNAUTHORIZED else None,
        }
        return [(name, str(value).encode()) for name, value in named.items() if value is not None]


def wrong(sentence: str) -> ServingError:
    """Return the answer to a request that can never be answered as it is."""
    return ServingError(400, sentence)


def unknown(sentence: str) -> ServingError:
    """Return the answer to a question for something that is not served."""
    return ServingError(404, sentence)


def too_late() -> ServingError:
    """Return the answer to a request whose deadline passed while it waited."""
    return ServingError(
        504,
        "The answer must be computed before the request's deadline; it passed while the request "
        "waited. Ask less often, or start more workers (--workers).",
    )


def too_large(what: str, limit_bytes: int, *, close: bool = False) -> ServingError:
    """Return the answer to a body, or a part of one, above its limit."""
    return ServingError(
        413,
        f"{what} must have at most {limit_bytes:,} bytes; got more. Send fewer images at once.",
        close=close,
    )


def too_many(what: str, limit: int, *, close: bool = False) -> ServingError:
    """Return the answer while there is more work than the server takes on."""
    sentence = f"At most {limit:,} {what}; there are more now. Try again."
    return ServingError(429, sentence, retry_after_seconds=1, close=close)
