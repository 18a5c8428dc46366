"""Authentication by a bearer token, on both ports."""

import hmac
import os
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.serving.errors import ServingError

TOKEN_VARIABLE = "PIPELINE_SERVE_TOKEN"  # noqa: S105  (the name of a variable)
_MIN_TOKEN_LENGTH = 16  # characters


class BearerToken:
    """Checks the token of a request; without a token, every request is allowed."""

    def __init__(self, token: str | None) -> None:
        self._expected = token.encode() if token else None

    def require(self, given: bytes, how: str) -> None:
        """Check the value of ``Authorization``; ``how`` is a sentence on how to send it.

        The name of the scheme is case-insensitive (RFC 9110, 11.1); spaces follow it (11.4).

        Raises:
            ServingError: (401) the token is missing or invalid.
        """
        if self._expected is None:
            return
        scheme, _, token = given.partition(b" ")
        is_right = hmac.compare_digest(token.lstrip(b" "), self._expected)
        if scheme.lower() != b"bearer" or not is_right:
            raise ServingError(401, f"Missing or invalid bearer token. {how}")


def read_token(file: Path | None) -> str | None:
    """Return the bearer token from a file or the environment, or None if there is none.

    Raises:
        RequestError: the file cannot be read, or the token is too short.
    """
    try:
        text = file.read_text() if file else os.environ.get(TOKEN_VARIABLE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RequestError(
            f"Cannot read --token-file {file}: {reason}. It must be a text file with the token."
        ) from error
    if text is None:
        return None
    token = text.strip()
    is_plain = token.isascii() and token.isprintable() and " " not in token
    if len(token) < _MIN_TOKEN_LENGTH or not is_plain:
        raise RequestError(
            f"A bearer token must have at least {_MIN_TOKEN_LENGTH} printable ASCII characters and "
            f"no spaces; got {len(token)} characters in {file or TOKEN_VARIABLE}. Generate one "
            "with: openssl rand -hex 24"
        )
    return token
