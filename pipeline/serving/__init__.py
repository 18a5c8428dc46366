"""Serving what was published; no TensorFlow.

settings, problems          what the server is told; what it answers where it refuses
strict_json, pixels         bodies -> values -> images, every mistake explained
versions                    one version, opened and asked its golden images
catalogue, repository       what is served now; following ``exported/`` as it changes
batching                    requests that arrive together are computed together
metrics, journal            Prometheus metrics; JSON log lines
protocols/                  TensorFlow Serving's REST, Open Inference Protocol V2, pictures, page
http/, grpc/                the two ports
serve                       starting and ending all of it
"""

from importlib.metadata import version as _version

DISTRIBUTION = "dense-pipeline"


def server_version() -> str:
    """Return the version of this package."""
    return _version(DISTRIBUTION)
