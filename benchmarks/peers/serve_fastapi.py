"""FastAPI by hand: no more than a request needs, on uvicorn with uvloop and httptools.

Body and answer go through orjson and not through pydantic, which would take longer than the model.
"""

import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from serve_onnx import HOST, arguments, opened


def build(file: str, name: str) -> FastAPI:
    """Return the application."""
    app = FastAPI(openapi_url=None)
    predict = opened(file)

    @app.get("/health")
    async def ready() -> Response:
        return Response()

    # Computing takes microseconds: a thread of its own would cost more than it frees.
    @app.post(f"/v1/models/{name}:predict")
    async def answer(request: Request) -> Response:
        instances = orjson.loads(await request.body())["instances"]
        probabilities = predict(np.array(instances, np.uint8))
        content = orjson.dumps({"predictions": probabilities}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

    return app


if __name__ == "__main__":
    told = arguments()
    uvicorn.run(
        build(told.file, told.name),
        host=HOST,
        port=told.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
