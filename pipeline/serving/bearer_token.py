"""The bearer token: read when the server starts, asked of every request on both ports."""

import hmac
import os
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.serving.errors import ServingError

TOKEN_VARIABLE = "PIPELINE_SERVE_TOKEN"  # noqa: S105  (the name of a variable)
_LEAST_TOKEN = 16  # characters


class BearerToken:
    """What a request must bring; where there is no token, nothing."""

    def __init__(self, token: str | None) -> None:
        self._expected = f"Bearer {token}".encode() if token else None

    def require(self, given: bytes, how: str) -> None:
        """Compare the value of ``Authorization``; ``how`` ends the message: how to send it.

        Raises:
            ServingError: (401) it is missing or another one.
        """
        if self._expected is not None and not hmac.compare_digest(given, self._expected):
            raise ServingError(401, f"This server asks for a token; got none or another one. {how}")


def read_token(file: Path | None) -> str | None:
    """Return the bearer token from a file or the environment; None where there is none.

    Raises:
        RequestError: the file cannot be read, or the token is too short.
    """
    try:
        text = file.read_text() if file else os.environ.get(TOKEN_VARIABLE)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"--token-file must name a text file; got {file}: {error}. Check the path."
        ) from error
    if text is None:
        return None
    token = text.strip()
    if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise RequestError(
            f"A bearer token must have at least {_LEAST_TOKEN} printable ASCII characters and no "
            f"space; got {len(token)} characters in {file or TOKEN_VARIABLE}. Make one: "
            "openssl rand -hex 24."
        )
    return token
