"""Handlers for TensorFlow Serving's PredictionService and ModelService, which behave as over REST.

Source: TensorFlow Serving, ``apis/prediction_service.proto`` and ``apis/model_service.proto``.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from google.protobuf import json_format

from pipeline.artifacts.model_contract import SIGNATURE
from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import bad_request
from pipeline.serving.grpc.context import Context
from pipeline.serving.grpc.examples import read_examples
from pipeline.serving.grpc.messages import TENSORFLOW_SERVING, message
from pipeline.serving.grpc.tensorflow_tensors import as_tensor, read_images
from pipeline.serving.protocols.encoded_images import EncodedImages, decode
from pipeline.serving.protocols.model_status import describe_versions
from pipeline.serving.protocols.signatures import describe_signatures, require_signature
from pipeline.serving.protocols.v2_tensors import require_output
from pipeline.serving.versions import Version
from pipeline.tasks.task import Predictions

_SIGNATURES = "signature_def"
_SCORE_BYTES = 64  # of one class with its score; 4,000 of them take 5 ms
_TYPE_URL = f"type.googleapis.com/{TENSORFLOW_SERVING}.SignatureDefMap"


class PredictionRequest(NamedTuple):
    """The parts of a request that are needed: the images, or their files."""

    version: Version
    images: Images | EncodedImages
    signature: str


def read_prediction(call: Context, request: Any) -> PredictionRequest:
    """Return the needed parts of a PredictRequest.

    Raises:
        ServingError: it does not fit the model.
    """
    version = call.choose(request.model_spec.name, *_version_and_label(request.model_spec))
    signature = request.model_spec.signature_name or SIGNATURE
    require_signature(signature)
    for name in request.output_filter:
        require_output(name, version)
    return PredictionRequest(version, read_images(request.inputs, signature, version), signature)


def read_classification(call: Context, request: Any) -> PredictionRequest:
    """Return the needed parts of a ClassificationRequest.

    Raises:
        ServingError: it does not fit the model.
    """
    version = call.choose(request.model_spec.name, *_version_and_label(request.model_spec))
    require_signature(request.model_spec.signature_name)
    if version.task.predicts_value:
        raise bad_request(
            f"The task of {version.model} is {version.task.name}, which has no classes. Use "
            "Predict."
        )
    images = read_examples(request.input.example_list.examples, version)
    return PredictionRequest(version, images, request.model_spec.signature_name)


async def _predict(call: Context, request: PredictionRequest) -> Any:
    predictions = await _predictions(call, request)
    [spec] = request.version.contract.outputs
    return _message("PredictResponse")(
        outputs={spec.name: as_tensor(predictions)},
        model_spec=_spec(request.version, request.signature),
    )


async def _classify(call: Context, request: PredictionRequest) -> Any:
    predictions = await _predictions(call, request)
    size = predictions.size * _SCORE_BYTES
    return await call.service.read(size, _classification, request, predictions)


def _classification(request: PredictionRequest, predictions: Predictions) -> Any:
    version = request.version
    rows = [version.task.describe(row, version.class_names) for row in predictions]
    found = [
        {
            "classes": [
                {"label": label, "score": score} for label, score in row.probabilities.items()
            ]
        }
        for row in rows
    ]
    return _message("ClassificationResponse")(
        result={"classifications": found}, model_spec=_spec(version, request.signature)
    )


async def _metadata(call: Context, request: Any) -> Any:
    version = _find(call, request.model_spec)
    if list(request.metadata_field) != [_SIGNATURES]:
        got = ", ".join(request.metadata_field)[:100] or "none"
        raise bad_request(f"metadata_field must be [{_SIGNATURES!r}]; got {got}.")
    document = {_SIGNATURES: describe_signatures(version.contract)}
    signatures = json_format.ParseDict(document, _message("SignatureDefMap")())
    value = {"type_url": _TYPE_URL, "value": signatures.SerializeToString()}
    return _message("GetModelMetadataResponse")(
        model_spec=_spec(version, ""), metadata={_SIGNATURES: _message("Metadata")(**value)}
    )


async def _status(call: Context, request: Any) -> Any:
    model = call.service.catalog.model(request.model_spec.name)
    rows = describe_versions(model, *_version_and_label(request.model_spec))
    response = _message("GetModelStatusResponse")()
    return json_format.ParseDict({"model_version_status": rows}, response)


async def _predictions(call: Context, request: PredictionRequest) -> Predictions:
    deadline, images = min(call.deadline, call.service.deadline()), request.images
    if isinstance(images, EncodedImages):
        images = await decode(call.service, call, images, request.version, deadline)
    result = await call.service.predict(request.version, images, deadline, call)
    return result.predictions


def _find(call: Context, spec: Any) -> Version:
    call.version = call.service.find(spec.name, *_version_and_label(spec))
    return call.version


def _version_and_label(spec: Any) -> tuple[str | None, str | None]:
    version, label = None, None
    if spec.HasField("version"):
        version = str(max(spec.version.value, 0))  # there is no version 0
    elif spec.version_label:
        label = spec.version_label
    return version, label


def _spec(version: Version, signature: str) -> dict[str, Any]:
    return {
        "name": version.model,
        "version": {"value": version.number},
        "signature_name": signature,
    }


def _message(name: str) -> Any:
    return message(name, TENSORFLOW_SERVING)


HANDLERS: Mapping[str, Callable[[Context, Any], Awaitable[Any]]] = {
    "Predict": _predict,
    "Classify": _classify,
    "GetModelMetadata": _metadata,
    "GetModelStatus": _status,
}
READERS: Mapping[str, Callable[[Context, Any], Any]] = {
    "Predict": read_prediction,
    "Classify": read_classification,
}
