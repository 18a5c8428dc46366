"""JSON Schemas of the handlers' requests, for the models served now."""

from collections.abc import Callable
from typing import Any

from pipeline.artifacts.model_contract import Contract
from pipeline.imaging.picture_formats import MEDIA_TYPES
from pipeline.serving.protocols import explaining, inference_v2, pictures, tensorflow
from pipeline.serving.protocols.schemas import FLAG, JSON, Schema, object_of, or_null
from pipeline.serving.service import Service


def request_body(handler: Callable[..., Any], service: Service) -> Schema | None:
    """Return a handler's request media types, with schemas for the models served now."""
    if handler is pictures.classify_image:
        binary = {"type": "string", "format": "binary"}
        # Forms and JSON are left out: no schema can say that the bytes in them are a picture.
        return {kind: {"schema": binary} for kind in MEDIA_TYPES}
    schemas = {
        tensorflow.predict: _predictions,
        explaining.explain: _predictions,
        inference_v2.infer: _inferences,
    }
    if handler not in schemas:
        return None
    return {JSON: {"schema": {"anyOf": schemas[handler](_contracts(service)) or [{}]}}}


def _contracts(service: Service) -> list[Contract]:
    models = service.catalog.models.values()
    return [version.contract for model in models for version in model.ready.values()]


def _predictions(contracts: list[Contract]) -> list[Schema]:
    return [_prediction(shape) for shape in sorted({each.image_shape for each in contracts})]


def _inferences(contracts: list[Contract]) -> list[Schema]:
    kinds = {(each.image_shape, each.outputs[0].name) for each in contracts}
    return [_inference(*kind) for kind in sorted(kinds)]


def _prediction(shape: tuple[int, ...]) -> Schema:
    images = {"type": "array", "items": _image(shape), "minItems": 1}
    signature = {"signature_name": {"enum": ["serving_default", ""]}}
    rows = object_of({"instances": images}, signature) | {"not": {"required": ["inputs"]}}
    columns = object_of({"inputs": images}, signature) | {"not": {"required": ["instances"]}}
    return {"anyOf": [rows, columns]}


def _inference(shape: tuple[int, ...], output: str) -> Schema:
    """Return the schema for one image: JSON Schema cannot relate the length of data to shape."""
    tensor = object_of(
        {
            "name": {"const": "image"},
            "datatype": {"const": "UINT8"},
            "shape": {"const": [1, *shape]},
            "data": {"type": "array", "items": _image(shape), "minItems": 1, "maxItems": 1},
        }
    )
    inputs = {"type": "array", "items": tensor, "minItems": 1, "maxItems": 1}
    optional = {
        "id": or_null({"type": "string", "maxLength": 1000}),
        "parameters": or_null(object_of({}, {"binary_data_output": FLAG})),
        "outputs": or_null({"type": "array", "items": _requested(output), "maxItems": 1}),
    }
    return object_of({"inputs": inputs}, optional)


def _requested(output: str) -> Schema:
    parameters = or_null(object_of({}, {"binary_data": FLAG}))
    return object_of({"name": {"const": output}}, {"parameters": parameters})


def _image(shape: tuple[int, ...]) -> Schema:
    schema: Schema = {"type": "integer", "minimum": 0, "maximum": 255}
    for size in reversed(shape):
        schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
    return schema
