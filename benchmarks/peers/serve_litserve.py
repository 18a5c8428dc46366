"""LitServe: one HTTP process and one worker process with its faster queue (ZeroMQ)."""

from typing import Any

import litserve
import numpy as np

from benchmarks.peers.serve_onnx import HOST, arguments, load_predict


class Digits(litserve.LitAPI):  # type: ignore[misc]
    """V1 rows in, V1 rows out; everything runs in the worker."""

    def __init__(self, file: str, **settings: Any) -> None:
        """Store the path, since the worker opens the file."""
        super().__init__(**settings)
        self._file = file

    def setup(self, device: str) -> None:
        """Open the file."""
        del device
        self._predict = load_predict(self._file)

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        """Return the images."""
        return np.array(request["instances"], np.uint8)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities."""
        probabilities: np.ndarray = self._predict(x)
        return probabilities

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        """Return the response."""
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    options = arguments()
    server = litserve.LitServer(
        Digits(options.file, api_path=f"/v1/models/{options.name}:predict"),
        accelerator="cpu",
        workers_per_device=1,
        fast_queue=True,
        disable_openapi_url=True,
    )
    server.run(
        host=HOST,
        port=options.port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
