"""Predictions for PNG, JPEG and WebP pictures: ``POST /v1/models/NAME:classify-image``."""

import asyncio
import base64
import io
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from pipeline.errors import ImageError
from pipeline.imaging.image_files import decode_picture
from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import bad_request, deadline_exceeded
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.protocols.paths import find_version
from pipeline.serving.service import Service
from pipeline.serving.versions import Version
from pipeline.tasks.task import DisplayedPrediction, Predictions

_TOP = 3
# Below this probability a prediction is marked as unsure: 2.8% of MNIST's test digits for the
# default model, including 69% of those it gets wrong (python -m benchmarks.unsure exported/mlp).
UNSURE_BELOW = 0.9


async def classify_image(service: Service, request: Request) -> Response:
    """Return the prediction for a picture, and the image that the network saw."""
    version = request.version = find_version(service, request)
    if not request.body:
        raise bad_request("The body must be a PNG, JPEG or WebP picture; got nothing.")
    images = await _decoded(request, version)
    request.spans["parse"] = time.perf_counter() - request.began
    result = await service.predict(version, images, request.deadline)
    request.spans["queue"], request.spans["infer"] = result.queue_seconds, result.infer_seconds
    started = time.perf_counter()
    response = as_json(_describe(version, images, result.predictions[0]))
    request.spans["serialize"] = time.perf_counter() - started
    return response


@cache
def _thread() -> ThreadPoolExecutor:
    """Return a pool of one thread, so that only one large picture takes memory at a time."""
    return ThreadPoolExecutor(1, "pictures")


async def _decoded(request: Request, version: Version) -> Images:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(request.deadline - time.perf_counter()):
            return await loop.run_in_executor(_thread(), _decode, request, version)
    except TimeoutError:
        raise deadline_exceeded() from None


def _decode(request: Request, version: Version) -> Images:
    if time.perf_counter() > request.deadline:  # it waited for the thread
        raise deadline_exceeded()
    try:
        picture = decode_picture(
            io.BytesIO(request.body),
            version.contract.image_shape,
            digits=version.digits,
            where="the body",
        )
    except ImageError as error:
        raise bad_request(str(error)) from None
    return picture[np.newaxis]


def _describe(version: Version, images: Images, prediction: Predictions) -> dict[str, Any]:
    displayed = version.task.describe(prediction, version.class_names)
    empty = not images.any()
    return {
        "model": version.model,
        "version": version.text,
        **(_classes(displayed) if displayed.value is None else _value(displayed, version)),
        "unsure": bool(empty or _is_unlikely(displayed)),
        "canonical": {"b64": _png(images[0])},
    }


def _classes(displayed: DisplayedPrediction) -> dict[str, Any]:
    ranked = sorted(displayed.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    return {
        "top": [{"label": name, "probability": value} for name, value in ranked[:_TOP]],
        "probabilities": displayed.probabilities,
    }


def _value(displayed: DisplayedPrediction, version: Version) -> dict[str, Any]:
    return {"value": displayed.value, "range": version.value_range}


def _is_unlikely(displayed: DisplayedPrediction) -> bool:
    """Return whether the label has a low probability; a value has none."""
    return displayed.probability is not None and bool(displayed.probability < UNSURE_BELOW)


def _png(image: Images) -> str:
    """Return an image, uint8 (height, width, channels), as a PNG file in base64."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
