"""Explanations of predictions: ``POST /v1/models/NAME:explain``, as in KServe's V1 protocol."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from pipeline.errors import ModelError
from pipeline.runtimes.evidence import Evidence
from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import bad_request, deadline_exceeded
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.json_objects import read_object
from pipeline.serving.protocols.paths import choose_version
from pipeline.serving.protocols.tensorflow import decoded, read_images
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

_MAX_IMAGES = 64  # of a request: an explanation takes more bytes than the image


async def explain(service: Service, request: Request) -> Response:
    """Explain the prediction for each image: the evidence of its pixels for the likeliest class."""
    version = request.version = choose_version(service, request)
    body, limits = request.body, service.settings.limits
    found, key = await service.read(
        len(body), lambda: read_object(limits, body, lambda body: read_images(body, version))
    )
    images = await decoded(service, request, found, version)
    if len(images) > _MAX_IMAGES:
        raise bad_request(
            f"At most {_MAX_IMAGES} images can be explained at a time; got {len(images):,}. Send "
            "several requests."
        )
    request.spans["parse"] = time.perf_counter() - request.began
    result = await service.predict(version, images, request.deadline, request)
    explained = await _explained(version, images, request.deadline)
    rows = [_describe(each, version) for each in explained]
    return as_json({key: result.predictions, "explanations": rows})


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "explanations")


async def _explained(version: Version, images: Images, deadline: float) -> list[Evidence]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline - time.perf_counter()):
            return await loop.run_in_executor(_thread(), _explain, version, images, deadline)
    except TimeoutError:
        raise deadline_exceeded() from None


def _explain(version: Version, images: Images, deadline: float) -> list[Evidence]:
    found = []
    for image in images:
        if time.perf_counter() > deadline:  # the client no longer waits
            raise deadline_exceeded()
        try:
            found.append(version.explainer.explain(image))
        except ModelError as error:
            raise bad_request(
                ":explain needs a network of dense layers with ReLU or no activation, which is "
                f"linear around an image; {version.model} version {version.text} cannot be "
                f"explained: {error}. Use :predict."
            ) from None
    return found


def _describe(found: Evidence, version: Version) -> dict[str, Any]:
    """Return evidence with the names of its classes; of one logit z, both signs, z and 0."""
    classes, logits = found.classes, found.logits
    sign = 1
    if version.task.predicts_value:
        names: list[str] = []
    elif len(logits) > 1:
        names = [version.class_names[index] for index in classes]
    else:
        sign = 1 if logits[0] > 0 else -1
        names = list(version.class_names[::-sign])
        logits = (logits[0], 0.0)[::sign]
    return {
        "classes": names,
        "logits": logits,
        "difference": sign * found.difference,
        "constant": sign * found.constant,
        "pixels": sign * found.pixels,
    }
