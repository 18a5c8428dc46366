"""LitServe: its HTTP process and its one worker process, joined by its faster queue (ZeroMQ)."""

from typing import Any

import litserve
import numpy as np
from serve_onnx import HOST, arguments, opened


class Digits(litserve.LitAPI):
    """V1 rows in, V1 rows out; all of it runs in the worker."""

    def __init__(self, file: str, **settings: Any) -> None:
        """Remember the file: the worker opens it."""
        super().__init__(**settings)
        self._file = file

    def setup(self, device: str) -> None:
        """Open the file."""
        del device
        self._predict = opened(self._file)

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        """Return the images."""
        return np.array(request["instances"], np.uint8)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities."""
        return self._predict(x)

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        """Return the answer."""
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    told = arguments()
    server = litserve.LitServer(
        Digits(told.file, api_path=f"/v1/models/{told.name}:predict"),
        accelerator="cpu",
        workers_per_device=1,
        fast_queue=True,
        disable_openapi_url=True,
    )
    server.run(
        host=HOST,
        port=told.port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
