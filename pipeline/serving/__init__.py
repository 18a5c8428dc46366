"""The model server; it does not import TensorFlow.

Modules, from the bottom up:

- errors, bearer_token, settings, client_addresses: error responses; authentication; the server's
  settings; which addresses count as one client
- number_lists, strict_json, json_objects, tensors: parsing request bodies into images, with an
  explanation of every mistake
- metrics, json_log: Prometheus metrics; JSON log lines
- inference_times, request_counts: how long requests to each version take, and how many there are,
  put aside; pending_metrics: passing all that is put aside on to the metrics
- answer_window, answer_counts: the last answers, compared with those to the test set; what the
  metrics and the window get of each answer
- batching, explainer, published_files, versions: batching of concurrent requests; explanations;
  report, card and examples; one loaded version, checked when it is opened
- model, catalog: the models being served, their versions and labels
- turns, model_folder, model_watcher, watcher: following changes in ``exported/``, in threads that
  may get stuck
- trace_context: the trace that a request belongs to
- traffic/: splitting requests, copies for another version, the sample log
- repository: loading and unloading models in all workers
- service, access_log: shared state of the handlers of both ports; counting and logging requests
- protocols/: TensorFlow Serving's REST API, Open Inference Protocol V2 with Triton's extensions,
  pictures, the page, OpenAPI
- http/, grpc/: the two ports
- memory, worker, supervisor, ports, serve: malloc settings; one event loop; several workers;
  opening the ports; starting and stopping the server
"""

from importlib.metadata import version as _version

DISTRIBUTION = "dense-pipeline"


def server_version() -> str:
    """Return the version of this package."""
    return _version(DISTRIBUTION)
