"""The OpenAPI document: the routes as they are, the schemas of what is served at this moment."""

import re
from collections.abc import Iterable
from typing import Any

from pipeline.serving import DISTRIBUTION, server_version
from pipeline.serving.http.routing import Route
from pipeline.serving.protocols import page, schemas
from pipeline.serving.service import Service

_DESCRIPTIONS = {
    200: "The answer.",
    400: "The request is wrong; the sentence says where.",
    401: "The token is missing or another one.",
    404: "There is no such model, version, label or file.",
    408: "The request did not arrive in time.",
    413: "The body is too long.",
    415: "The body is compressed.",
    429: "There is more work than the server takes on; try again.",
    431: "The head of the request is too long.",
    500: "The server failed; its log says why.",
    501: "Not offered.",
    503: "Not ready.",
    504: "The deadline passed.",
}
_PLACES = re.compile(r"\{(\w+)\}")


def document(service: Service, routes: Iterable[Route]) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, service)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": DISTRIBUTION, "version": server_version()},
        "paths": paths,
        "components": {"schemas": {"Error": schemas.ERROR}},
    }
    if service.settings.token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return found


def _operation(route: Route, service: Service) -> dict[str, Any]:
    body = schemas.request_body(route.handler, service)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method} {route.path}").strip("_"),
        "summary": (route.handler.__doc__ or "").partition("\n")[0],
        "parameters": [_parameter(name, service) for name in _PLACES.findall(route.path)],
        "responses": _responses(route),
    }
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    if service.settings.token and not route.open:
        operation["security"] = [{"token": []}]
    return operation


def _parameter(name: str, service: Service) -> dict[str, Any]:
    models = service.catalogue.models.values()
    known = {
        "name": sorted(model.name for model in models if model.ready),
        "version": sorted({str(number) for model in models for number in model.ready}),
        "label": sorted({label for model in models for label in model.served_labels}),
        "verb": ["classify", "regress"],
        "file": sorted(page.files()),
    }[name]
    schema = {"type": "string", "enum": known} if known else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _responses(route: Route) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    found = {
        str(status): {"description": text, "content": error}
        for status, text in _DESCRIPTIONS.items()
    }
    content = schemas.answer(route.handler)
    if content is None:
        del found["200"]
    else:
        found["200"] = {"description": _DESCRIPTIONS[200], "content": content}
    return found
