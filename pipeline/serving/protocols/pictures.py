"""Predictions for pictures: ``POST /v1/models/NAME:classify-image``."""

import base64
import io
import time
from typing import Any

from pipeline.errors import ImageError
from pipeline.imaging.digits import Finding
from pipeline.imaging.image_files import Pictures, decode_pictures
from pipeline.publishing.doubts import UNLIKE
from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import bad_request
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.metrics import count_picture
from pipeline.serving.protocols.paths import choose_version
from pipeline.serving.protocols.picture_bodies import picture_in
from pipeline.serving.protocols.picture_thread import decode_in_thread
from pipeline.serving.service import Service
from pipeline.serving.versions import Version
from pipeline.tasks.task import DisplayedPrediction, Predictions

_TOP = 3
_MAX_DIGITS = 64  # in one picture, so that a picture of noise is no large batch


async def classify_image(service: Service, request: Request) -> Response:
    """Return the prediction for a picture, and the image that the network saw."""
    version = request.version = choose_version(service, request)
    picture = picture_in(request, service.settings.limits)
    decoded = await decode_in_thread(request.deadline, _decode, picture, version)
    request.spans["parse"] = time.perf_counter() - request.began
    predictions: Predictions | list[Predictions] = []
    if len(decoded.images):
        result = await service.predict(version, decoded.images, request.deadline, request)
        request.spans["queue"], request.spans["infer"] = result.queue_seconds, result.infer_seconds
        predictions = result.predictions
    started = time.perf_counter()
    response = as_json(_describe(version, decoded, predictions))
    request.spans["serialize"] = time.perf_counter() - started
    return response


def _decode(picture: bytes, version: Version) -> Pictures:
    try:
        decoded = decode_pictures(
            io.BytesIO(picture),
            version.preprocessing,
            where="the body",
            otherwise="an array, sent to :predict",
        )
    except ImageError as error:
        raise bad_request(str(error)) from None
    if len(decoded.images) > _MAX_DIGITS:
        raise bad_request(
            f"A picture must have at most {_MAX_DIGITS} digits; found {len(decoded.images)}. "
            "Crop it."
        )
    return decoded


def _describe(
    version: Version, decoded: Pictures, predictions: Predictions | list[Predictions]
) -> dict[str, Any]:
    each = [version.task.describe(row, version.class_names) for row in predictions]
    doubts = version.doubts.reasons(decoded.images, predictions, each)
    single, doubt = (each[0], doubts[0]) if len(each) == 1 else (DisplayedPrediction(), None)
    finding = decoded.finding
    reason = (finding.reason if finding else None) or doubt
    count_picture(version.model, version.text, _outcome(finding, doubt))
    return {
        "model": version.model,
        "version": version.text,
        **(_value(single, version) if version.task.predicts_value else _classes(single)),
        "unsure": reason is not None,
        "reason": reason,
        **({"digits": _digits(finding, each, doubts)} if finding else {}),
        "canonical": {"b64": png_text(finding.image if finding else decoded.images[0])},
    }


def _outcome(finding: Finding | None, doubt: str | None) -> str:
    """Return the outcome for the metrics: without the numbers that a reason may have."""
    if finding and finding.reason:
        return finding.kind
    if doubt is None:
        return "sure"
    return "unlike the training pictures" if doubt == UNLIKE else "unsure"


def _digits(
    finding: Finding, displayed: list[DisplayedPrediction], doubts: list[str | None]
) -> list[dict[str, Any]]:
    """Return the digits of a picture from left to right, and their boxes in its pixels."""
    return [
        {
            **({"label": each.label, "probability": each.probability} if each.label else {}),
            **({} if each.value is None else {"value": each.value}),
            "box": digit.box,
            "unsure": doubt is not None,
        }
        for each, digit, doubt in zip(displayed, finding.digits, doubts, strict=True)
    ]


def _classes(displayed: DisplayedPrediction) -> dict[str, Any]:
    ranked = sorted(displayed.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    return {
        "top": [{"label": name, "probability": value} for name, value in ranked[:_TOP]],
        "probabilities": displayed.probabilities,
    }


def _value(displayed: DisplayedPrediction, version: Version) -> dict[str, Any]:
    return {"value": displayed.value, "range": version.value_range}


def png_text(image: Images) -> str:
    """Return an image, uint8 (height, width, channels), as a PNG file in base64."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
