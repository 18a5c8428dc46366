"""JSON Schemas of the handlers' responses."""

from collections.abc import Callable
from typing import Any

from pipeline.serving.metrics import CONTENT_TYPE_LATEST
from pipeline.serving.protocols import (
    documents,
    explaining,
    inference_v2,
    page,
    pictures,
    published,
    tensorflow,
    triton,
)

Schema = dict[str, Any]

JSON = "application/json"
_TEXT: Schema = {"type": "string"}
_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
FLAG: Schema = {"type": "boolean"}
_RANGE: Schema = {
    "type": ["array", "null"],
    "items": {"type": "number"},
    "minItems": 2,
    "maxItems": 2,
}


def or_null(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {**schema, "type": [schema["type"], "null"]}


def object_of(required: Schema, optional: Schema | None = None) -> Schema:
    """Return the schema of an object from those of its properties."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


ERROR = object_of({"error": _TEXT})
_PREDICTIONS = {"type": "array", "items": _NUMBERS}
_LABELED = {"version": or_null(_TEXT), "problem": or_null(_TEXT)}
_TENSOR = object_of(
    {"name": _TEXT, "datatype": _TEXT, "shape": {"type": "array", "items": {"type": "integer"}}},
    {"data": _NUMBERS},
)
_STATE = object_of({"error_code": _TEXT, "error_message": _TEXT})
_SIZE: Schema = {"type": "integer"}
_PICTURES = object_of(
    {
        "height": _SIZE,
        "width": _SIZE,
        "channels": _SIZE,
        "preprocessing": _TEXT,
        "drawn": or_null(_TEXT),
    }
)
_NUMBER: Schema = {"type": "number"}
_INDEX = or_null(_NUMBER)
_DRIFT = object_of({"window": _SIZE, "answer": _INDEX, "intensity": _INDEX}, {"confidence": _INDEX})
_VERSION = object_of(
    {
        "score": object_of({"name": _TEXT, "value": _NUMBER}),
        "documents": _TEXTS,
        "drift": or_null(_DRIFT),
    }
)
_STATUS = object_of(
    {
        "name": _TEXT,
        "ready": FLAG,
        "default_version": {"type": ["string", "null"]},
        "task": or_null(object_of({"name": _TEXT, "class_names": _TEXTS, "range": _RANGE})),
        "pictures": or_null(_PICTURES),
        "versions": {"type": "object", "additionalProperties": _VERSION},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "label_status": {
            "type": "array",
            "items": object_of(
                {
                    "label": _TEXT,
                    "version": _TEXT,
                    "served_version": or_null(_TEXT),
                    "status": _STATE,
                }
            ),
        },
        "folder_status": _STATE,
        "model_version_status": {
            "type": "array",
            "items": object_of({"version": _TEXT, "state": _TEXT, "status": _STATE}),
        },
    },
    {
        "split": {
            "type": "object",
            "additionalProperties": object_of({"fraction": _NUMBER, **_LABELED}),
        },
        "shadow": object_of(
            {
                "label": _TEXT,
                "fraction": _NUMBER,
                **_LABELED,
                "images": {"type": "object", "additionalProperties": _SIZE},
                "max_difference": {"type": ["number", "null"]},
            }
        ),
    },
)
_PICTURE: Schema = {
    "model": _TEXT,
    "version": _TEXT,
    "unsure": FLAG,
    "reason": or_null(_TEXT),
    "canonical": object_of({"b64": _TEXT}),
}
_BOX: Schema = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}
_READ = {"label": _TEXT, "probability": _NUMBER, "value": _NUMBER}
_FOUND = {"digits": {"type": "array", "items": object_of({"box": _BOX, "unsure": FLAG}, _READ)}}
_TOP = {"type": "array", "items": object_of({"label": _TEXT, "probability": {"type": "number"}})}
_SCORES = {"type": "object", "additionalProperties": {"type": "number"}}
_CLASSIFIED = {
    "anyOf": [
        object_of({**_PICTURE, "top": _TOP, "probabilities": _SCORES}, _FOUND),
        object_of({**_PICTURE, "value": or_null(_NUMBER), "range": _RANGE}, _FOUND),
    ]
}
_NESTED: Schema = {"type": "array", "items": {"type": "array", "items": _NUMBERS}}
_EVIDENCE = object_of(
    {
        "classes": _TEXTS,
        "logits": _NUMBERS,
        "difference": _NUMBER,
        "constant": _NUMBER,
        "pixels": _NESTED,
    }
)
_EXPLANATIONS = {"explanations": {"type": "array", "items": _EVIDENCE}}
_CONFIGURED = object_of(
    {"name": _TEXT, "data_type": _TEXT, "dims": {"type": "array", "items": _SIZE}}
)
_DURATION = object_of({"count": _SIZE, "ns": _SIZE})
_DURATIONS = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")
_STATISTICS = object_of(
    {
        "model_stats": {
            "type": "array",
            "items": object_of(
                {
                    "name": _TEXT,
                    "version": _TEXT,
                    "last_inference": _SIZE,
                    "inference_count": _SIZE,
                    "execution_count": _SIZE,
                    "inference_stats": object_of(dict.fromkeys(_DURATIONS, _DURATION)),
                    "batch_stats": {"type": "array", "maxItems": 0},
                }
            ),
        }
    }
)
_NOTHING: Schema = {"type": "object", "maxProperties": 0}
_RESPONSES: dict[Callable[..., Any], Schema] = {
    tensorflow.predict: {
        "anyOf": [object_of({"predictions": _PREDICTIONS}), object_of({"outputs": _PREDICTIONS})]
    },
    tensorflow.models: object_of({"models": _TEXTS}),
    tensorflow.status: _STATUS,
    tensorflow.metadata: object_of(
        {
            "model_spec": object_of({"name": _TEXT, "version": _TEXT}),
            "metadata": object_of({"signature_def": {"type": "object"}}),
        }
    ),
    pictures.classify_image: _CLASSIFIED,
    explaining.explain: {
        "anyOf": [
            object_of({"predictions": _PREDICTIONS, **_EXPLANATIONS}),
            object_of({"outputs": _PREDICTIONS, **_EXPLANATIONS}),
        ]
    },
    published.examples: object_of(
        {"examples": {"type": "array", "items": object_of({"b64": _TEXT})}}
    ),
    inference_v2.live: object_of({"live": FLAG}),
    inference_v2.ready: object_of({"ready": FLAG, "live": FLAG}),
    inference_v2.server_metadata: object_of(
        {"name": _TEXT, "version": _TEXT, "extensions": _TEXTS}
    ),
    inference_v2.model_metadata: object_of(
        {
            "name": _TEXT,
            "versions": _TEXTS,
            "platform": _TEXT,
            "inputs": {"type": "array", "items": _TENSOR},
            "outputs": {"type": "array", "items": _TENSOR},
        }
    ),
    inference_v2.model_ready: object_of({"name": _TEXT, "ready": FLAG}),
    inference_v2.infer: object_of(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "outputs": {"type": "array", "items": _TENSOR},
        }
    ),
    triton.config: object_of(
        {
            "name": _TEXT,
            "platform": _TEXT,
            "backend": _TEXT,
            "max_batch_size": _SIZE,
            "input": {"type": "array", "items": _CONFIGURED},
            "output": {"type": "array", "items": _CONFIGURED},
            "dynamic_batching": {"type": "object"},
        }
    ),
    triton.statistics: _STATISTICS,
    triton.all_statistics: _STATISTICS,
    triton.load: _NOTHING,
    triton.unload: _NOTHING,
    triton.index: {
        "type": "array",
        "items": object_of({"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT}),
    },
}
_OBJECT: Schema = {"type": "object"}  # of handlers that are not listed: the OpenAPI document
_ALIVE = object_of({"status": {"const": "alive"}})
_OTHER_MEDIA_TYPES = {
    documents.metrics: [CONTENT_TYPE_LATEST],
    page.index: ["text/html; charset=utf-8", JSON],
    page.file: [kind.decode() for kind in page.TYPES.values()],
    published.document: [kind.decode() for kind in published.TYPES.values()],
}


def response_content(handler: Callable[..., Any]) -> Schema | None:
    """Return a handler's response media types with their schemas, or None without a success."""
    if handler is tensorflow.unsupported_verb:
        return None
    if handler in _OTHER_MEDIA_TYPES:
        return {
            kind: {"schema": _ALIVE if kind == JSON else _TEXT}
            for kind in _OTHER_MEDIA_TYPES[handler]
        }
    content: Schema = {JSON: {"schema": _RESPONSES.get(handler, _OBJECT)}}
    if handler is inference_v2.infer:
        content["application/octet-stream"] = {"schema": {}}
    return content
