"""The value of ``track.mlflow``: the word ``local``, or the URI of a server or an SQLite file."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

LOCAL = "local"
_RULE = (
    "local (the file runs/mlflow.db), the URI of a server (http:// or https://), or that of a file "
    "(sqlite:///runs/mlflow.db)"
)
_SECRET = re.compile(r"(?<=://)[^/\s'\"]*@")
_SECRET_IN_QUERY = re.compile(r"(?<=://)([^\s'\"?#]*)[?#][^\s'\"]*")


def _check(uri: str) -> str:
    if uri == LOCAL or re.fullmatch(r"sqlite:///[^?#]+", uri):
        return uri
    try:
        parts = urlsplit(uri)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port or an IPv6 address
        valid = False
    if not valid or re.search(r"\s", uri):
        raise ValueError(_RULE)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "a URI without credentials, ? or #, because configurations are stored (set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN)"
        )
    return uri


def hide_credentials(text: str) -> str:
    """Return a text in which the URIs have no user, password or query."""
    return _SECRET_IN_QUERY.sub(r"\1?...", _SECRET.sub("...@", text))


TrackingUri = Annotated[str, AfterValidator(_check)]
