"""What the handlers of all gRPC services know of a call."""

from dataclasses import dataclass

from pipeline.serving.errors import bad_request
from pipeline.serving.service import Service
from pipeline.serving.traffic.choice import Chosen
from pipeline.serving.versions import Version

_MAX_DIGITS = 9


@dataclass(slots=True)
class Context:
    """One call; ``began`` and the client's ``deadline`` are in seconds of ``perf_counter``.

    ``reserved_bytes`` of memory are released when it has ended. ``id`` is the client's;
    ``chosen`` is set only for splits, copies and the sample log.
    """

    service: Service
    began: float
    deadline: float
    version: Version | None = None
    reserved_bytes: int = 0
    id: str | None = None
    trace_id: str | None = None
    chosen: Chosen | None = None

    def find(self, name: str, version: str) -> Version:
        """Return the requested version.

        Raises:
            ServingError: (400) it is not a number; (404) it is unknown; (503) it is not ready.
        """
        self.version = self.service.find(name, read_version(version))
        return self.version

    def choose(self, name: str, version: str | None, label: str | None = None) -> Version:
        """Return the requested version for predictions, or the one that the server chooses.

        Raises:
            ServingError: (404) it is unknown; (503) it is not ready.
        """
        self.version = self.service.choose(name, version, label, self)
        return self.version


def read_version(text: str) -> str | None:
    """Return the number of a version as text, or None for the default one.

    Raises:
        ServingError: (400) it is not a number.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise bad_request(f"A version must be a number; got {text[:40]!r}.")
    return text
