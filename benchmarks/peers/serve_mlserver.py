"""MLServer: an ``MLModel`` that computes in the server's own process.

That is faster than its pool of processes for a model this small. It speaks V2 as JSON only.
"""

import asyncio

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import install_uvloop_event_loop
from serve_onnx import HOST, OUTPUT, arguments, opened


class Digits(MLModel):
    """The model."""

    async def load(self) -> bool:
        """Open the file."""
        self._predict = opened(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer the one tensor of V2."""
        images = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output(OUTPUT, self._predict(images))
        return InferenceResponse(model_name=self.name, outputs=[output])


async def serve() -> None:
    """Run the server without what would cost it time: access log, metrics, compression."""
    told = arguments()
    settings = Settings(
        debug=False,
        host=HOST,
        http_port=told.port,
        grpc_port=0,  # it cannot be turned off; any free port will do
        parallel_workers=0,
        metrics_endpoint=None,
        gzip_enabled=False,
    )
    model = ModelSettings(
        name=told.name, implementation=Digits, parameters=ModelParameters(uri=told.file)
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    install_uvloop_event_loop()
    asyncio.run(serve())
