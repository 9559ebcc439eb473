"""What vendors take, written down apart from the code that writes it: a judge of schemas.

Each function returns what is wrong with a tool's schema, an empty list when nothing is. Sources:
the vendors' documents and error messages, as gathered in docs/function-calling.md.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

HOLD_ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
HOLD_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
HOLD_NAMED = ("properties", "$defs", "patternProperties", "dependentSchemas")
CONDITIONS = {
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"),
    *("propertyNames", "unevaluatedItems", "unevaluatedProperties"),
    *("contains", "minContains", "maxContains"),
}
TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}

ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")

MAX_BYTES = 3_000_000
MAX_DEPTH = 80


def schemas(schema: dict[str, Any], depth: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """Return every schema in a schema, itself included, and how deep it stands."""
    yield schema, depth
    for keyword in HOLD_ONE:
        if isinstance(schema.get(keyword), dict):
            yield from schemas(schema[keyword], depth + 1)
    for keyword in HOLD_MANY:
        for one in schema.get(keyword, []):
            yield from schemas(one, depth + 1)
    for keyword in HOLD_NAMED:
        for one in schema.get(keyword, {}).values():
            yield from schemas(one, depth + 1)


def anybody(schema: dict[str, Any]) -> list[str]:
    wrong = []
    if schema.get("type") != "object":
        wrong.append("the top is no object")
    if len(json.dumps(schema)) > MAX_BYTES:
        wrong.append("too large")
    for one, depth in schemas(schema):
        if depth > MAX_DEPTH:
            return [*wrong, "too deep"]
        reference = one.get("$ref")
        if reference is not None:
            name = reference.removeprefix("#/$defs/")
            if name not in schema.get("$defs", {}):
                wrong.append(f"a reference to {reference}")
        wrong += [f"an extension {key}" for key in one if key.startswith("x-")]
        wrong += [f"{key} stands there" for key in ("$schema", "$id", "$comment") if key in one]
    return wrong


def openai(schema: dict[str, Any]) -> list[str]:
    wrong = anybody(schema)
    if not isinstance(schema.get("properties"), dict):
        wrong.append("the top has no properties")
    for keyword in ("anyOf", "oneOf", "allOf", "not", "enum"):
        if keyword in schema:
            wrong.append(f"{keyword} at the top")
    for one, _ in schemas(schema):
        types = one.get("type", [])
        if "array" in ([types] if isinstance(types, str) else types) and "items" not in one:
            wrong.append("a list without items")
    return wrong


def anthropic(schema: dict[str, Any]) -> list[str]:
    wrong = anybody(schema)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            wrong.append(f"{keyword} at the top")
    for name in schema["properties"]:
        if not ANTHROPIC_NAME.fullmatch(name):
            wrong.append(f"the name {name!r}")
    return wrong


def gemini(schema: dict[str, Any]) -> list[str]:
    wrong = anybody(schema)
    for one, _ in schemas(schema):
        bad = {"$ref", "$defs", "allOf", "uniqueItems", "minProperties", "maxProperties"}
        wrong += [f"the keyword {key}" for key in sorted((CONDITIONS | bad) & one.keys())]
        properties = one.get("properties", {})
        wrong += [f"the name {name!r}" for name in properties if not GEMINI_NAME.fullmatch(name)]
        wrong += [
            f"requires {name!r}" for name in one.get("required", []) if name not in properties
        ]
        types = one.get("type", [])
        if "array" in ([types] if isinstance(types, str) else types) and "items" not in one:
            wrong.append("a list without items")
    return wrong


GEMINI_KEYS = {
    *("type", "format", "title", "description", "nullable", "enum", "items", "minItems"),
    *("maxItems", "properties", "required", "minProperties", "maxProperties", "minLength"),
    *("maxLength", "pattern", "minimum", "maximum", "anyOf", "default"),
}


def gemini_openapi(schema: dict[str, Any]) -> list[str]:
    wrong = []
    if schema.get("type") != "OBJECT" or "nullable" in schema:
        wrong.append("the top is no object")
    for one, depth in schemas(schema):
        if depth > MAX_DEPTH:
            return [*wrong, "too deep"]
        wrong += [f"the keyword {key}" for key in sorted(one.keys() - GEMINI_KEYS)]
        properties = one.get("properties", {})
        wrong += [f"the name {name!r}" for name in properties if not GEMINI_NAME.fullmatch(name)]
        wrong += [
            f"requires {name!r}" for name in one.get("required", []) if name not in properties
        ]
        if "anyOf" in one:
            if set(one) != {"anyOf"}:
                wrong.append("something beside anyOf")
        elif str(one.get("type")).lower() not in TYPES or one["type"] != one["type"].upper():
            wrong.append(f"the type {one.get('type')}")
        if one.get("type") == "ARRAY" and "items" not in one:
            wrong.append("a list without items")
        if "enum" in one and (one["type"] != "STRING" or not all(_is_text(v) for v in one["enum"])):
            wrong.append("values that are no texts")
        if "properties" in one and not properties:
            wrong.append("properties that are empty")
    return wrong


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


STRICT_KEYS = {
    *("type", "title", "description", "properties", "required", "additionalProperties"),
    *("items", "anyOf", "enum", "$ref", "$defs", "format"),
}
OPENAI_STRICT_KEYS = STRICT_KEYS | {
    *("minimum", "maximum", "multipleOf", "minLength", "maxLength", "pattern"),
    *("minItems", "maxItems"),
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def openai_strict(schema: dict[str, Any]) -> list[str]:
    wrong = [*openai(schema), *_strict(schema, OPENAI_STRICT_KEYS, FORMATS)]
    properties = values = characters = 0
    for one, _ in schemas(schema):
        own = one.get("properties", {})
        properties += len(own)
        values += len(one.get("enum", []))
        characters += sum(map(len, own)) + sum(len(str(v)) for v in one.get("enum", []))
        if one.get("type") in ("object", ["object", "null"]) and set(one["required"]) != set(own):
            wrong.append("a property that is not required")
    if properties > 5000 or values > 1000 or characters > 120_000:
        wrong.append("beyond a limit")
    if max(depth for _, depth in schemas(schema)) > 10:
        wrong.append("more than ten levels")
    return wrong


def anthropic_strict(schema: dict[str, Any]) -> list[str]:
    wrong = [*anthropic(schema), *_strict(schema, STRICT_KEYS | {"minItems"}, FORMATS | {"uri"})]
    wrong += ["a reference" for one, _ in schemas(schema) if "$ref" in one]
    wrong += ["a minimum" for one, _ in schemas(schema) if one.get("minItems", 0) > 1]
    return wrong


def _strict(schema: dict[str, Any], keys: set[str], formats: set[str]) -> list[str]:
    wrong = []
    for one, _ in schemas(schema):
        wrong += [f"the keyword {key}" for key in sorted(one.keys() - keys)]
        if "$ref" in one and set(one) != {"$ref"}:
            wrong.append("something beside a reference")
        if not {"type", "anyOf", "$ref"} & one.keys():
            wrong.append("a schema without a type")
        types = one.get("type", [])
        types = [types] if isinstance(types, str) else types
        if len([name for name in types if name != "null"]) > 1:
            wrong.append("several types")
        if "object" in types and one.get("additionalProperties") is not False:
            wrong.append("an object that is open")
        if "array" in types and "items" not in one:
            wrong.append("a list without items")
        if "format" in one and one["format"] not in formats:
            wrong.append(f"the format {one['format']}")
    return wrong
