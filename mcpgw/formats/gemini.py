"""Gemini's older way to describe arguments: a subset of OpenAPI 3.0, each schema of one type.

Takes a schema without references, conditions and `allOf`. Source: google-genai, types.Schema.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mcpgw.formats.keyword import Schema, implied_type, types_of

ANYTHING: Sequence[Schema] = (
    *({"type": name} for name in ("string", "number", "boolean", "object")),
    {"type": "array", "items": {"type": "string"}},
)
"""What a schema without any type becomes alternatives of: Gemini refuses one without."""

_KEPT: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "boolean": (),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
    "null": (),
}
"""The constraints that survive, by type."""

_FORMATS = {
    "string": ("date-time",),
    "integer": ("int32", "int64"),
    "number": ("float", "double"),
}
"""Any other format is an error."""


def to_gemini(schema: Schema) -> Schema:
    """Return a schema in Gemini's terms."""
    branches = _branches(schema)
    if branches is None:
        return _typed(schema)
    shown = [to_gemini(one) for one in branches if types_of(one) != ["null"]]
    about = _about(schema)
    if len(shown) == 1:
        return {**shown[0], **about}
    # Beside anyOf nothing may stand, so its branches say it.
    return {"anyOf": [{**about, **one} for one in shown]} if shown else {"type": "NULL", **about}


def _branches(schema: Schema) -> list[Schema] | None:
    """Return the alternatives that a schema consists of, None when it is of one type."""
    union = schema.get("anyOf") or schema.get("oneOf")
    own_type = implied_type(schema)
    if union and "properties" not in schema and (own_type or any(map(_is_telling, union))):
        return [{"type": own_type, **one} if own_type else one for one in union]
    named = types_of(schema)
    if own_type or "enum" in schema or "const" in schema or named == ["null"]:
        return None
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
    return [{**rest, "type": name} for name in named] or [*ANYTHING]


def _is_telling(schema: Schema) -> bool:
    """Say whether a schema says of which types it is."""
    return bool(types_of(schema) or implied_type(schema))


def _about(schema: Schema) -> Schema:
    """Return what describes a schema, whatever its type."""
    about: Schema = {name: schema[name] for name in ("title", "description") if name in schema}
    return {**about, "nullable": True} if _names_null(schema) else about


def _names_null(schema: Schema) -> bool:
    """Say whether a schema names null among what it admits."""
    return (
        "null" in types_of(schema)
        or None in schema.get("enum", [schema.get("const", "")])
        or any(map(_names_null, (*schema.get("anyOf", ()), *schema.get("oneOf", ()))))
    )


def _typed(schema: Schema) -> Schema:
    """Return a schema of one type."""
    about = _about(schema)
    if "default" in schema:
        about["default"] = schema["default"]
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        texts = [text for value in values if value is not None and (text := value_text(value))]
        return {"type": "STRING", **about, **({"enum": texts} if texts else {})}
    name = implied_type(schema) or "null"
    shown: Schema = {"type": name.upper(), **about}
    shown |= {keyword: schema[keyword] for keyword in _KEPT[name] if keyword in schema}
    if schema.get("format") in _FORMATS.get(name, ()):
        shown["format"] = schema["format"]
    if name in ("integer", "number"):
        shown |= _inclusive(schema, step=1 if name == "integer" else 0)
    if name == "array":
        shown["items"] = to_gemini(schema.get("items", {}))
    if name == "object" and schema.get("properties"):
        shown |= _members(schema)
    return shown


def value_text(value: Any) -> str:
    """Return a value of an `enum` as the text that stands for it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _members(schema: Schema) -> Schema:
    properties = {name: to_gemini(one) for name, one in schema["properties"].items()}
    required = [name for name in schema.get("required", ()) if name in properties]
    return {"properties": properties, **({"required": required} if required else {})}


def _inclusive(schema: Schema, step: int) -> Schema:
    """Return bounds that exclude their value as such that include it."""
    bounds: Schema = {}
    if "exclusiveMinimum" in schema:
        bounds["minimum"] = schema["exclusiveMinimum"] + step
    if "exclusiveMaximum" in schema:
        bounds["maximum"] = schema["exclusiveMaximum"] - step
    return bounds
