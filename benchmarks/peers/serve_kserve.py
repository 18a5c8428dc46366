"""KServe's Python server: a ``kserve.Model`` that answers V1 and V2, binary tensors included."""

import logging

import kserve.model_server
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.logging import configure_logging
from kserve.protocol.rest.server import RESTServer
from serve_onnx import HOST, OUTPUT, arguments, opened


class Digits(Model):
    """The model; without ``async``, so that KServe calls it where it stands."""

    def __init__(self, name: str, file: str) -> None:
        """Open the file."""
        super().__init__(name)
        self._predict = opened(file)
        self.ready = True

    def predict(
        self, payload: dict | InferRequest, headers: dict[str, str] | None = None
    ) -> dict | InferResponse:
        """Answer V1 rows, or the one tensor of V2."""
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


class LoopbackServer(RESTServer):
    """Listens on this machine only; KServe's own listens everywhere and cannot be told."""

    def __init__(self, *arguments: object, **named: object) -> None:
        """Build KServe's server, then change the address."""
        super().__init__(*arguments, **named)
        self.config.host = HOST


def silence() -> None:
    """Leave out the access log, and the line of timings that KServe writes for each request."""
    configure_logging()
    logging.getLogger("uvicorn.access").handlers.clear()
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)


if __name__ == "__main__":
    told = arguments()
    silence()
    kserve.model_server.RESTServer = LoopbackServer
    server = ModelServer(
        http_port=told.port, workers=1, enable_grpc=False, enable_latency_logging=False
    )
    server.start([Digits(told.name, told.file)])
