"""Sixty schemas that a server should not send: deep, huge, endless, malformed, or just unusual."""

from typing import Any

Schema = Any

STRING = {"type": "string"}


def _deep(levels: int) -> Schema:
    schema: Schema = STRING
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def _deep_items(levels: int) -> Schema:
    schema: Schema = STRING
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return _with(a=schema)


def _fan_out(levels: int, width: int) -> Schema:
    """Definitions that each refer to the next several times: width ** levels when followed."""
    definitions: dict[str, Schema] = {f"d{levels}": STRING}
    for level in range(levels):
        refer = {"$ref": f"#/$defs/d{level + 1}"}
        definitions[f"d{level}"] = {
            "type": "object",
            "properties": {f"p{n}": refer for n in range(width)},
        }
    return {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": definitions}


def _fan_out_at_the_top(levels: int, width: int) -> Schema:
    definitions: dict[str, Schema] = {f"d{levels}": {"properties": {"x": STRING}}}
    for level in range(levels):
        refer = {"$ref": f"#/$defs/d{level + 1}"}
        definitions[f"d{level}"] = {"anyOf": [refer] * width}
    return {"type": "object", "$ref": "#/$defs/d0", "$defs": definitions}


def _with(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _tree() -> Schema:
    node = {
        "type": "object",
        "properties": {
            "value": STRING,
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "required": ["value"],
    }
    return {
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/node"}},
        "$defs": {"node": node},
    }


def _list() -> Schema:
    link = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/link"}, {"type": "null"}]}},
    }
    return {**_with(first={"$ref": "#/$defs/link"}), "$defs": {"link": link}}


ALTERNATIVES = [
    {"properties": {"content": STRING}, "required": ["content"]},
    {"properties": {"source_url": STRING}, "required": ["source_url"]},
    {"properties": {"source_file_id": STRING}, "required": ["source_file_id"]},
]

HOSTILE: dict[str, Schema] = {
    # Deep, huge, endless.
    "50 objects deep": _deep(50),
    "200 objects deep": _deep(200),
    "100 lists deep": _deep_items(100),
    "10,000 properties": _with(**{f"p{n}": STRING for n in range(10_000)}),
    "an enumeration of 10,000": _with(a={"enum": [f"v{n}" for n in range(10_000)]}),
    "an enumeration of 1,500": _with(a={"enum": [f"v{n}" for n in range(1500)]}),
    "a long enumeration of long texts": _with(a={"enum": [f"{n:0100}" for n in range(300)]}),
    "a description of a megabyte": _with(a={"type": "string", "description": "x" * 1_000_000}),
    "names of 30,000 characters": _with(**{f"{n:030000}": STRING for n in range(5)}),
    "a default of 100,000 parts": _with(a={"type": "array", "default": [[]] * 100_000}),
    "definitions that double 30 times": _fan_out(30, 2),
    "definitions that fan out 6 times": _fan_out(6, 20),
    "alternatives that fan out at the top": _fan_out_at_the_top(8, 40),
    "400 alternatives at the top": {
        "type": "object",
        "anyOf": [{"properties": {f"p{n}": STRING}, "required": [f"p{n}"]} for n in range(400)],
    },
    "300 parts that hold at once": _with(
        a={"allOf": [{"properties": {f"p{n}": STRING}} for n in range(300)]}
    ),
    # References.
    "itself": {"$ref": "#"},
    "itself in a property": {"type": "object", "properties": {"a": {"$ref": "#"}}},
    "a circle of definitions": {
        "type": "object",
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
    },
    "a tree": _tree(),
    "a linked list": _list(),
    "a reference to the network": _with(a={"$ref": "http://127.0.0.1:9/schema.json"}),
    "a reference to a file": _with(a={"$ref": "file:///etc/passwd"}),
    "a reference to another document": _with(a={"$ref": "other.json#/a"}),
    "a reference at nothing": _with(a={"$ref": "#/$defs/missing"}),
    "a reference that is a number": _with(a={"$ref": 7}),
    "a reference to an anchor": _with(a={"$ref": "#here"}, b={"$anchor": "here", **STRING}),
    "a dynamic reference": _with(a={"$dynamicRef": "#node"}),
    "a base of its own": {"$id": "https://example.com/x", **_with(a={"$ref": "#/$defs/b"})},
    "a reference into a property": _with(a=STRING, b={"$ref": "#/properties/a"}),
    "a reference into a list": _with(a={"anyOf": [STRING]}, b={"$ref": "#/properties/a/anyOf/0"}),
    "old definitions": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_with(a={"$ref": "#/definitions/x~1y", "description": "beside it"}),
        "definitions": {"x/y": STRING},
    },
    # The top.
    "no schema": None,
    "true": True,
    "false": False,
    "a text": "object",
    "a list": [],
    "empty": {},
    "a list at the top": {"type": "array", "items": STRING},
    "several types at the top": {"type": ["object", "null"]},
    "alternatives at the top": {"type": "object", "anyOf": ALTERNATIVES},
    "one of at the top": {"type": "object", "oneOf": ALTERNATIVES, "required": ["always"]},
    "alternatives by a constant": {
        "type": "object",
        "oneOf": [
            {"properties": {"kind": {"const": "a"}, "x": STRING}, "required": ["kind", "x"]},
            {"properties": {"kind": {"const": "b"}, "x": {"type": "number"}}, "required": ["kind"]},
        ],
    },
    "all of at the top": {"type": "object", "allOf": [_with(a=STRING), _with(b=STRING)]},
    "all of that contradicts": _with(a={"allOf": [STRING, {"type": "integer"}]}),
    "conditions at the top": {
        **_with(mode=STRING, size={"type": "integer"}),
        "allOf": [
            {
                "if": {"properties": {"mode": {"const": "big"}}},
                "then": {"properties": {"size": {"maximum": 10}}},
            }
        ],
    },
    "not and enum at the top": {"type": "object", "not": {"required": ["a"]}, "enum": [{}]},
    # Malformed.
    "properties that are null": {"type": "object", "properties": None},
    "properties that are a list": {"type": "object", "properties": ["a"]},
    "a property that is a number": _with(a=5),
    "a type that nobody knows": _with(a={"type": "any"}),
    "a type of no types": _with(a={"type": []}),
    "required that is a flag": _with(a={**STRING, "required": True}),
    "required that is not described": {"type": "object", "required": ["b"], "properties": {}},
    "bounds of the wrong kinds": _with(
        a={"type": "string", "minLength": "3", "pattern": 7, "enum": "x"},
        b={"type": "number", "minimum": 1, "exclusiveMinimum": True, "maximum": None},
    ),
    "a pattern that is none": _with(a={"type": "string", "pattern": "(?<=x)("}),
    "a pattern that explodes": _with(a={"type": "string", "pattern": "^(a+)+$"}),
    # Unusual.
    "names of all kinds": _with(
        **{"$filter": STRING, "a b": STRING, "filter[id]": STRING, "9": STRING, "": STRING},
        **{"x" * 100: STRING, "\u00fc": STRING, "-": STRING, "a.b": STRING, "x-mcp-header": STRING},
    ),
    "headers and other extensions": _with(
        a={**STRING, "x-mcp-header": "Region", "x-internal": {"type": "secret"}, "nullable": True}
    ),
    "tuples, maps and sets": _with(
        a={"type": "array", "items": [STRING, {"type": "number"}]},
        b={"type": "object", "additionalProperties": {"type": "integer"}},
        c={"type": "object", "patternProperties": {"^x": STRING}, "propertyNames": STRING},
        d={"type": "array", "contains": STRING, "uniqueItems": True},
        e={"type": "array"},
    ),
    "values of all kinds": _with(
        a={"enum": [1, "1", True, None, 1.5, {"b": []}, ""]},
        b={"const": {"c": None}},
        c={"const": None},
        d={"type": ["string", "number", "null"], "enum": ["x", 2, None]},
        e={"type": ["array", "object", "boolean"]},
        f={},
        g={"type": "null"},
        h=True,
        i=False,
        j={"anyOf": [{"type": "null"}]},
    ),
}

assert len(HOSTILE) == 60, len(HOSTILE)
