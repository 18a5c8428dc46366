"""What the path of a request names."""

from pipeline.serving.http.messages import Request
from pipeline.serving.service import Service
from pipeline.serving.versions import Version


def find(service: Service, request: Request) -> Version:
    """Return the version that a path names.

    Raises:
        ServingError: (404) there is none; (503) it is not ready.
    """
    asked = request.parameters
    return service.find(asked["name"] or "", asked["version"], asked["label"])
