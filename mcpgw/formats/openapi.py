"""A workspace's tools as an OpenAPI 3.1 document: one operation for each.

What custom GPTs, Open WebUI and generated clients are fed with. JSON Schema is native to OpenAPI
3.1, so schemas pass nearly unchanged; their definitions move with them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mcpgw.formats.dialect import Dialect, narrowed
from mcpgw.formats.keyword import Schema, rebuilt
from mcpgw.formats.plain import DEFINITIONS
from mcpgw.formats.tool import ToolSpec
from mcpgw.model.tool_class import ToolClass

MAX_SUMMARY = 300
MAX_PARAMETER = 700
"""What custom GPTs take of a summary and of a parameter's description, in characters."""

_ERROR = "#/components/schemas/Error"

_STATUSES = {
    "400": "The body is not JSON, or no object.",
    "401": "A valid token for this workspace is needed.",
    "403": "The token's role or address does not allow it.",
    "413": "The body is too large.",
    "429": "The token called too often; `Retry-After` says when to try again.",
    "503": "The gateway cannot serve at the moment.",
}

Document = dict[str, Any]


def document(
    tools: Sequence[ToolSpec], *, title: str, url: str, version: str, is_short: bool
) -> Document:
    """Return the document of a workspace.

    Args:
        tools: what whoever asks may call.
        title: the workspace's name.
        url: the workspace's URL, as clients reach it.
        version: of the gateway.
        is_short: whether descriptions of operations are cut too, as custom GPTs want it.
    """
    schemas: dict[str, Schema] = dict(_COMMON)
    paths = {f"/v1/tools/{tool.name}": _path(tool, schemas, is_short) for tool in tools}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Tools of {title}",
            "description": f"The tools of the workspace {title}, served by mcpgw.",
            "version": version,
        },
        "servers": [{"url": url}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _path(tool: ToolSpec, schemas: dict[str, Schema], is_short: bool) -> Document:
    """Return the path of one tool; its schemas are added to `schemas`."""
    said = tool.description or tool.title
    operation: Document = {
        "operationId": tool.name,
        "summary": _cut(tool.title or said.partition("\n")[0] or tool.name, MAX_SUMMARY),
        "tags": [tool.server] if tool.server else [],
        "x-openai-isConsequential": tool.kind is not ToolClass.READ,
    }
    if said:
        operation["description"] = _cut(said, MAX_SUMMARY) if is_short else said
    taken = _component(schemas, f"{tool.name}_arguments", tool.input_schema)
    returned = [{"$ref": "#/components/schemas/Text"}, {"$ref": "#/components/schemas/Failure"}]
    if tool.output_schema is not None:
        result = _component(schemas, f"{tool.name}_result", tool.output_schema)
        returned.insert(0, result)
    operation["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": taken}},
    }
    operation["responses"] = {
        "200": {
            "description": "What the tool returned, or why it failed.",
            "content": {"application/json": {"schema": {"anyOf": returned}}},
        },
        **{status: _refusal(description) for status, description in _STATUSES.items()},
    }
    return {"post": operation}


def _component(schemas: dict[str, Schema], name: str, schema: object) -> Schema:
    """Add a tool's schema to the components, and return the reference to it."""
    pointer = f"#/components/schemas/{name}"
    found = narrowed(schema, Dialect.OPENAPI).schema

    def moved(one: Schema, where: str = "") -> Schema:
        built = rebuilt(one, moved)
        if "$ref" in built:
            built["$ref"] = f"{pointer}/$defs/{built['$ref'].removeprefix(DEFINITIONS)}"
        if "description" in built:
            built["description"] = _cut(built["description"], MAX_PARAMETER)
        return built

    schemas[name] = moved(found)
    return {"$ref": pointer}


def _refusal(description: str) -> Document:
    content: Mapping[str, Any] = {"application/json": {"schema": {"$ref": _ERROR}}}
    return {"description": description, "content": content}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


_TEXT = {"type": "string"}

_COMMON: Mapping[str, Schema] = {
    "Text": {
        "type": "object",
        "description": "What a tool said, as one text.",
        "properties": {"content": _TEXT},
        "required": ["content"],
    },
    "Failure": {
        "type": "object",
        "description": "A tool that failed, or could not be called: why, and a stable word.",
        "properties": {"error": _TEXT, "code": _TEXT},
        "required": ["error", "code"],
    },
    "Error": {
        "type": "object",
        "description": "A request that could not be served: a stable word, why, and what to do.",
        "properties": {"error": _TEXT, "message": _TEXT, "hint": _TEXT},
        "required": ["error", "message", "hint"],
    },
}
