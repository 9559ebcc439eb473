"""The keywords of JSON Schema: which hold schemas, and what shape each must have.

Whatever walks a schema does it by these tables, so that a property called `items` or an `enum` that
looks like a schema is never taken for one. Source: JSON Schema 2020-12.
"""

from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]
"""One schema that is an object; `true` is written `{}` and `false` `{"not": {}}`."""

Visit = Callable[[Schema, str], Schema]
"""Returns what stands in a schema's place; the text says where it stands."""

TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")

ONE = frozenset(
    {
        *("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then"),
        *("else", "unevaluatedItems", "unevaluatedProperties"),
    }
)
"""Keywords that hold one schema."""

MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords that hold a list of schemas."""

NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
"""Keywords that hold schemas by name."""

MAY_BE_FLAG = frozenset({"additionalProperties", "unevaluatedItems", "unevaluatedProperties"})
"""Keywords whose `true` and `false` are kept as they are: everybody writes and reads them so."""


def rebuilt(schema: Schema, visit: Visit, where: str = "") -> Schema:
    """Return a schema with every schema directly in it replaced by what `visit` returns."""
    built: Schema = {}
    for keyword, value in schema.items():
        if keyword in ONE and isinstance(value, dict):
            value = visit(value, place(where, keyword))
        elif keyword in MANY:
            value = [visit(one, f"{place(where, keyword)}[{n}]") for n, one in enumerate(value)]
        elif keyword in NAMED:
            value = {name: visit(one, place(where, name)) for name, one in value.items()}
        built[keyword] = value
    return built


def place(where: str, step: str) -> str:
    """Return where something stands, for people: `filter.items`."""
    return f"{where}.{step[:40]}" if where else step[:40]


def has_shape(keyword: str, value: object) -> bool:
    """Say whether a keyword's value, schemas aside, is one that it can have."""
    check = _SHAPES.get(keyword)
    return check is not None and check(value)


def types_of(schema: Schema) -> list[str]:
    """Return the types that a schema names, none when it names none."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def implied_type(schema: Schema) -> str:
    """Return the type of a schema: the one it names, else what its keywords speak of, else ""."""
    named = [name for name in types_of(schema) if name != "null"]
    if named:
        return named[0] if len(named) == 1 else ""
    if "const" in schema or "enum" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        found = {type_name(value) for value in values} - {"null"}
        return found.pop() if len(found) == 1 else ""
    for name, keywords in _SPEAKS_OF.items():
        if keywords & schema.keys():
            return name
    return ""


def type_name(value: object) -> str:
    """Return the type of a JSON value as a schema names it."""
    if value is None:
        return "null"
    return _NAMES[type(value)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_texts_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(map(_are_texts, value.values()))


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_type(value: object) -> bool:
    named = value if isinstance(value, list) else [value]
    return bool(named) and all(isinstance(name, str) and name in TYPES for name in named)


def _is_anything(value: object) -> bool:
    return True


_SHAPES: Mapping[str, Callable[[object], bool]] = {
    "type": _is_type,
    "required": _are_texts,
    "dependentRequired": _are_texts_by_name,
    **dict.fromkeys(("const", "default"), _is_anything),
    **dict.fromkeys(("enum", "examples"), _is_list),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _is_flag),
    **dict.fromkeys(("title", "description", "pattern", "format"), _is_text),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), _is_number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minContains", "maxContains"), _is_count),
}
"""The keywords that hold no schema. One that is not here means nothing to anybody."""

_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}

_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})

CONSTRAINTS: Mapping[str, frozenset[str]] = {
    "object": frozenset({"minProperties", "maxProperties"}),
    "array": frozenset({"minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": _BOUNDS,
    "integer": _BOUNDS,
    "boolean": frozenset(),
    "null": frozenset(),
}
"""What limits the values of each type, beside what they consist of."""

_SPEAKS_OF = {
    "object": CONSTRAINTS["object"] | {"properties", "required", "additionalProperties"},
    "array": CONSTRAINTS["array"] | {"items", "prefixItems"},
    "string": CONSTRAINTS["string"],
    "number": _BOUNDS,
}
