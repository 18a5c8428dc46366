"""A minimal FastAPI application, on uvicorn with uvloop and httptools.

Request and response bodies use orjson instead of pydantic, which would take longer than the model.
"""

import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from benchmarks.peers.serve_onnx import HOST, arguments, load_predict


def build(file: str, name: str) -> FastAPI:
    """Return the application."""
    app = FastAPI(openapi_url=None)
    predict = load_predict(file)

    @app.get("/health")  # type: ignore[untyped-decorator]
    async def ready() -> Response:
        return Response()

    # Predictions take microseconds: running them in a thread would cost more than it saves.
    @app.post(f"/v1/models/{name}:predict")  # type: ignore[untyped-decorator]
    async def predict_images(request: Request) -> Response:
        instances = orjson.loads(await request.body())["instances"]
        probabilities = predict(np.array(instances, np.uint8))
        content = orjson.dumps({"predictions": probabilities}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

    return app


if __name__ == "__main__":
    options = arguments()
    uvicorn.run(
        build(options.file, options.name),
        host=HOST,
        port=options.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
