"""JSON Schemas of the handlers' requests and responses."""

from collections.abc import Callable
from typing import Any

from pipeline.serving.metrics import CONTENT_TYPE_LATEST
from pipeline.serving.protocols import documents, inference_v2, page, pictures, tensorflow
from pipeline.serving.service import Service

Schema = dict[str, Any]

_JSON = "application/json"
_TEXT: Schema = {"type": "string"}
_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
_FLAG: Schema = {"type": "boolean"}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


ERROR = _object({"error": _TEXT})
_PREDICTIONS = {"type": "array", "items": _NUMBERS}
_TENSOR = _object(
    {"name": _TEXT, "datatype": _TEXT, "shape": {"type": "array", "items": {"type": "integer"}}},
    {"data": _NUMBERS},
)
_STATE = _object({"error_code": _TEXT, "error_message": _TEXT})
_STATUS = _object(
    {
        "name": _TEXT,
        "ready": _FLAG,
        "default_version": {"type": ["string", "null"]},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "label_status": {
            "type": "array",
            "items": _object(
                {
                    "label": _TEXT,
                    "version": _TEXT,
                    "served_version": _or_null(_TEXT),
                    "status": _STATE,
                }
            ),
        },
        "folder_status": _STATE,
        "model_version_status": {
            "type": "array",
            "items": _object({"version": _TEXT, "state": _TEXT, "status": _STATE}),
        },
    }
)
_CLASSIFIED = _object(
    {
        "model": _TEXT,
        "version": _TEXT,
        "top": {
            "type": "array",
            "items": _object({"label": _TEXT, "probability": {"type": "number"}}),
        },
        "unsure": _FLAG,
        "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
        "canonical": _object({"b64": _TEXT}),
    }
)
_OUTPUT = _object(
    {"name": {"const": "probabilities"}},
    {"parameters": _or_null(_object({}, {"binary_data": _FLAG}))},
)
_RESPONSES: dict[Callable[..., Any], Schema] = {
    tensorflow.predict: {
        "anyOf": [_object({"predictions": _PREDICTIONS}), _object({"outputs": _PREDICTIONS})]
    },
    tensorflow.models: _object({"models": {"type": "array", "items": _TEXT}}),
    tensorflow.status: _STATUS,
    tensorflow.metadata: _object(
        {
            "model_spec": _object({"name": _TEXT, "version": _TEXT}),
            "metadata": _object({"signature_def": {"type": "object"}}),
        }
    ),
    pictures.classify_image: _CLASSIFIED,
    inference_v2.live: _object({"live": _FLAG}),
    inference_v2.ready: _object({"ready": _FLAG, "live": _FLAG}),
    inference_v2.server_metadata: _object(
        {"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": _TEXT}}
    ),
    inference_v2.model_metadata: _object(
        {
            "name": _TEXT,
            "versions": {"type": "array", "items": _TEXT},
            "platform": _TEXT,
            "inputs": {"type": "array", "items": _TENSOR},
            "outputs": {"type": "array", "items": _TENSOR},
        }
    ),
    inference_v2.model_ready: _object({"name": _TEXT, "ready": _FLAG}),
    inference_v2.infer: _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "outputs": {"type": "array", "items": _TENSOR},
        }
    ),
    inference_v2.index: {
        "type": "array",
        "items": _object({"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT}),
    },
}
_OBJECT: Schema = {"type": "object"}  # of handlers that are not listed: the OpenAPI document
_ALIVE = _object({"status": {"const": "alive"}})
_OTHER_MEDIA_TYPES = {
    documents.metrics: [CONTENT_TYPE_LATEST],
    page.index: ["text/html; charset=utf-8", _JSON],
    page.file: [kind.decode() for kind in page.TYPES.values()],
}


def response_content(handler: Callable[..., Any]) -> Schema | None:
    """Return a handler's response media types with their schemas, or None without a success."""
    if handler is tensorflow.unsupported_verb:
        return None
    if handler in _OTHER_MEDIA_TYPES:
        return {
            kind: {"schema": _ALIVE if kind == _JSON else _TEXT}
            for kind in _OTHER_MEDIA_TYPES[handler]
        }
    content: Schema = {_JSON: {"schema": _RESPONSES.get(handler, _OBJECT)}}
    if handler is inference_v2.infer:
        content["application/octet-stream"] = {"schema": {}}
    return content


def request_body(handler: Callable[..., Any], service: Service) -> Schema | None:
    """Return a handler's request media types, with schemas for the models served now."""
    if handler is pictures.classify_image:
        kinds = ("image/png", "image/jpeg", "image/webp")
        return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    schemas = {tensorflow.predict: _prediction, inference_v2.infer: _inference}
    if handler not in schemas:
        return None
    schema: Schema = {"anyOf": [schemas[handler](shape) for shape in _shapes(service)] or [{}]}
    return {_JSON: {"schema": schema}}


def _shapes(service: Service) -> list[tuple[int, ...]]:
    models = service.catalog.models.values()
    return sorted({v.contract.image_shape for model in models for v in model.ready.values()})


def _prediction(shape: tuple[int, ...]) -> Schema:
    images = {"type": "array", "items": _image(shape), "minItems": 1}
    signature = {"signature_name": {"enum": ["serving_default", ""]}}
    rows = _object({"instances": images}, signature) | {"not": {"required": ["inputs"]}}
    columns = _object({"inputs": images}, signature) | {"not": {"required": ["instances"]}}
    return {"anyOf": [rows, columns]}


def _inference(shape: tuple[int, ...]) -> Schema:
    """Return the schema for one image: JSON Schema cannot relate the length of data to shape."""
    tensor = _object(
        {
            "name": {"const": "image"},
            "datatype": {"const": "UINT8"},
            "shape": {"const": [1, *shape]},
            "data": {"type": "array", "items": _image(shape), "minItems": 1, "maxItems": 1},
        }
    )
    inputs = {"type": "array", "items": tensor, "minItems": 1, "maxItems": 1}
    optional = {
        "id": _or_null({"type": "string", "maxLength": 1000}),
        "parameters": _or_null(_object({}, {"binary_data_output": _FLAG})),
        "outputs": _or_null({"type": "array", "items": _OUTPUT, "maxItems": 1}),
    }
    return _object({"inputs": inputs}, optional)


def _image(shape: tuple[int, ...]) -> Schema:
    schema: Schema = {"type": "integer", "minimum": 0, "maximum": 255}
    for size in reversed(shape):
        schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
    return schema
