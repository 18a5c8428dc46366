"""Serving what was published; no TensorFlow.

The map, from the bottom up:

- errors, bearer_token, settings: what the server answers where it refuses; who may ask; what it is
  told
- number_lists, strict_json, json_objects, tensors: bodies -> values -> images, every mistake
  explained
- metrics, json_log: Prometheus metrics; JSON log lines
- batching, versions: requests computed together; one version, opened and asked its golden images
- catalogue, watcher: what is served now; following ``exported/`` as it changes
- service, access_log: what handlers of both ports need; every request counted and logged
- protocols/: TensorFlow Serving's REST, Open Inference Protocol V2, pictures, the page, OpenAPI
- http/, grpc/: the two ports
- memory, worker, supervisor, ports, serve: malloc's settings; one event loop; several workers;
  opening the ports; starting and ending all of it
"""

from importlib.metadata import version as _version

DISTRIBUTION = "dense-pipeline"


def server_version() -> str:
    """Return the version of this package."""
    return _version(DISTRIBUTION)
