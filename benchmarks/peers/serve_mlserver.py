"""MLServer: an ``MLModel`` that computes in the server's process.

For a model this small, that is faster than its pool of processes. It has V2 with JSON only.
"""

import asyncio

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import install_uvloop_event_loop

from benchmarks.peers.serve_onnx import HOST, OUTPUT, arguments, load_predict


class Digits(MLModel):  # type: ignore[misc]
    """The model."""

    async def load(self) -> bool:
        """Open the file."""
        self._predict = load_predict(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Predict the single tensor of V2."""
        images = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output(OUTPUT, self._predict(images))
        return InferenceResponse(model_name=self.name, outputs=[output])


async def serve() -> None:
    """Run the server without access log, metrics and compression, which take time."""
    options = arguments()
    settings = Settings(
        debug=False,
        host=HOST,
        http_port=options.port,
        grpc_port=0,  # cannot be disabled; 0 is any free port
        parallel_workers=0,
        metrics_endpoint=None,
        gzip_enabled=False,
    )
    model = ModelSettings(
        name=options.name, implementation=Digits, parameters=ModelParameters(uri=options.file)
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()
    asyncio.run(serve())
