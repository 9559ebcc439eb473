"""The OpenAPI document of the API, made from the same table and structs that serve it.

Source: OpenAPI 3.1.0.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from mcpgw import __version__
from mcpgw.gateway.access import Admission
from mcpgw.model.workspace import SLUG
from mcpgw.web.api.condition import etag_of, is_known
from mcpgw.web.api.endpoint import Endpoint, Shape
from mcpgw.web.errors import PLAIN_HEADERS, json_response
from mcpgw.web.problem import MEDIA_TYPE
from mcpgw.web.routing import VALUE
from mcpgw.web.wire.problem import Problem, Refusal

PATH = "/api/v1/openapi.json"

SCHEMAS = "#/components/schemas/"

DESCRIPTION = (
    "Manages one workspace of an mcpgw gateway, by the same use cases as its command line."
    " A token of the workspace stands in every request; its role decides what it may do."
)

Json = dict[str, Any]


class Document:
    """Serves the document."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._body = msgspec.json.encode(describe(endpoints))
        self._tag = {"ETag": etag_of(self._body)}

    async def serve(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Answer with the document."""
        if is_known(request, self._tag["ETag"]):
            return web.Response(status=304, headers={**PLAIN_HEADERS, **self._tag})
        return json_response(self._body, 200, self._tag)


def describe(endpoints: Sequence[Endpoint]) -> Json:
    """Return the document of these endpoints."""
    paths: Json = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, endpoint.shape)
        paths.setdefault(endpoint.template, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "mcpgw", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas([endpoint.shape for endpoint in endpoints]),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
            "responses": {"Problem": _PROBLEM},
        },
    }


_REF = SCHEMAS + "{name}"
_PROBLEM = {
    "description": "What went wrong. Of a head that is malformed or too large it is told as JSON.",
    "content": {
        MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + Problem.__name__}},
        "application/json": {"schema": {"$ref": SCHEMAS + Refusal.__name__}},
    },
}
_TAG_HEADER = {"ETag": {"description": "Of this state.", "schema": {"type": "string"}}}
_LOCATION_HEADER = {"Location": {"description": "What was made.", "schema": {"type": "string"}}}


def _operation(endpoint: Endpoint, shape: Shape) -> Json:
    operation: Json = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"The token's role must allow `{endpoint.action}`.",
        "tags": [endpoint.name.partition("_")[0]],
        "parameters": [*_path_parameters(endpoint), *_query(shape), *_conditions(endpoint)],
        "responses": _responses(endpoint, shape),
    }
    if shape.body is not None:
        operation["requestBody"] = {"required": True, **_json(shape.body)}
    return operation


def _path_parameters(endpoint: Endpoint) -> Iterator[Json]:
    patterns = {"slug": SLUG.pattern, **dict.fromkeys(endpoint.value_names, VALUE.pattern)}
    for name, pattern in patterns.items():
        schema = {"type": "string", "pattern": f"^{pattern}$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query(shape: Shape) -> Iterator[Json]:
    """Return the parameters that a struct of the query stands for."""
    _, components = msgspec.json.schema_components([shape.query], ref_template=_REF)
    schema = components[shape.query.__name__]
    for name, described in schema["properties"].items():
        is_required = name in schema["required"]
        yield {"name": name, "in": "query", "required": is_required, "schema": described}


def _conditions(endpoint: Endpoint) -> Iterator[Json]:
    if endpoint.method == "GET":
        yield _header("If-None-Match", "Answer 304 if it is this ETag's state.")
    if endpoint.match is not None:
        what = "Change it only in this ETag's state; * in any."
        yield _header("If-Match", what, is_required=endpoint.match.is_required)


def _header(name: str, description: str, *, is_required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": description,
        "schema": {"type": "string"},
    }


def _responses(endpoint: Endpoint, shape: Shape) -> Mapping[str, Json]:
    success: Json = {"description": "Done."}
    if shape.answer is not None:
        success |= _json(shape.answer)
    headers = (_TAG_HEADER if endpoint.has_tag else {}) | (
        _LOCATION_HEADER if endpoint.made else {}
    )
    if headers:
        success["headers"] = headers
    responses = {str(endpoint.status): success}
    if endpoint.method == "GET":
        responses["304"] = {"description": "It is as If-None-Match says."}
    return responses | {"default": {"$ref": "#/components/responses/Problem"}}


def _schemas(shapes: Sequence[Shape]) -> Json:
    """Return the schemas of all structs; those of queries stand in parameters already."""
    queries = {shape.query for shape in shapes}
    kinds = {kind for shape in shapes for kind in (shape.body, shape.answer) if kind is not None}
    told = (Problem, Refusal)
    _, schemas = msgspec.json.schema_components([*queries, *kinds, *told], ref_template=_REF)
    own = {query.__name__ for query in queries}
    return {name: schemas[name] for name in sorted(schemas.keys() - own)}


def _json(kind: Any) -> Json:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return {"content": {"application/json": {"schema": schema}}}
