"""Find the model version that a request's path names."""

from pipeline.serving.http.messages import Request
from pipeline.serving.service import Service
from pipeline.serving.versions import Version


def find_version(service: Service, request: Request) -> Version:
    """Return the version that a path names.

    Raises:
        ServingError: (404) it is unknown; (503) it is not ready.
    """
    parameters = request.parameters
    return service.find(parameters["name"] or "", parameters["version"], parameters["label"])


def choose_version(service: Service, request: Request) -> Version:
    """Return the version that a path names for predictions, or that the server chooses.

    Raises:
        ServingError: (404) it is unknown; (503) it is not ready.
    """
    parameters = request.parameters
    name, version, label = parameters["name"] or "", parameters["version"], parameters["label"]
    return service.choose(name, version, label, request)
