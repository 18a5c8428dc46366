"""KServe's Python server: a ``kserve.Model`` for V1 and V2, with binary tensors."""

import logging
from typing import Any

import kserve.model_server
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.logging import configure_logging
from kserve.protocol.rest.server import RESTServer

from benchmarks.peers.serve_onnx import HOST, OUTPUT, arguments, load_predict


class Digits(Model):  # type: ignore[misc]
    """The model; ``predict`` is not ``async``, so KServe calls it directly."""

    def __init__(self, name: str, file: str) -> None:
        """Open the file."""
        super().__init__(name)
        self._predict = load_predict(file)
        self.ready = True

    def predict(
        self, payload: dict[str, Any] | InferRequest, headers: dict[str, str] | None = None
    ) -> dict[str, Any] | InferResponse:
        """Predict V1 rows, or the single tensor of V2."""
        del headers
        if isinstance(payload, dict):
            images = np.array(payload["instances"], np.uint8)
            return {"predictions": self._predict(images).tolist()}
        probabilities = self._predict(payload.inputs[0].as_numpy())
        output = InferOutput(OUTPUT, list(probabilities.shape), "FP32", data=probabilities)
        return InferResponse(
            payload.id,
            self.name,
            [output],
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


class LoopbackServer(RESTServer):  # type: ignore[misc]
    """Listens on the loopback interface; KServe has no option for the address."""

    def __init__(self, *arguments: object, **named: object) -> None:
        """Create KServe's server, and change its address."""
        super().__init__(*arguments, **named)
        self.config.host = HOST


def silence() -> None:
    """Disable the access log and the timings that KServe logs for each request."""
    configure_logging()
    logging.getLogger("uvicorn.access").handlers.clear()
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)


if __name__ == "__main__":
    options = arguments()
    silence()
    kserve.model_server.RESTServer = LoopbackServer
    server = ModelServer(
        http_port=options.port, workers=1, enable_grpc=False, enable_latency_logging=False
    )
    server.start([Digits(options.name, options.file)])
