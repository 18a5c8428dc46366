"""The OpenAPI document: all routes, with schemas for the models served now."""

import re
from collections.abc import Iterable
from typing import Any

from pipeline.serving import DISTRIBUTION, server_version
from pipeline.serving.http.routing import Route
from pipeline.serving.protocols import page, request_schemas, schemas
from pipeline.serving.published_files import DOCUMENTS
from pipeline.serving.service import Service

_DESCRIPTIONS = {
    200: "Success.",
    400: "Invalid request; the error describes the mistake.",
    401: "Missing or invalid bearer token.",
    403: "Models can be loaded and unloaded only on a server with a token.",
    404: "Unknown model, version, label or file.",
    408: "The request did not arrive in time.",
    413: "The body is too large.",
    415: "The body is compressed, and not with gzip.",
    429: "The server is busy; try again.",
    431: "The request's headers are too large.",
    500: "Internal server error; see the server log.",
    501: "Not supported.",
    503: "Not ready.",
    504: "The request's deadline passed.",
}
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")


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
    body = request_schemas.request_body(route.handler, service)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method} {route.path}").strip("_"),
        "summary": (route.handler.__doc__ or "").partition("\n")[0],
        "parameters": [_parameter(name, service) for name in _PATH_PARAMETER.findall(route.path)],
        "responses": _responses(route),
    }
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    if service.settings.token and not route.open:
        operation["security"] = [{"token": []}]
    return operation


def _parameter(name: str, service: Service) -> dict[str, Any]:
    models = service.catalog.models.values()
    known = {
        "name": sorted(model.name for model in models if model.ready),
        "version": sorted({str(number) for model in models for number in model.ready}),
        "label": sorted({label for model in models for label in model.served_labels}),
        "verb": ["classify", "regress"],
        "document": list(DOCUMENTS),
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
    content = schemas.response_content(route.handler)
    if content is None:
        del found["200"]
    else:
        found["200"] = {"description": _DESCRIPTIONS[200], "content": content}
    return found
