from typing import Any

import pytest

from mcpgw.formats.gemini import to_gemini, value_text

ANYTHING: Any = {
    "anyOf": [
        {"type": "STRING"},
        {"type": "NUMBER"},
        {"type": "BOOLEAN"},
        {"type": "OBJECT"},
        {"type": "ARRAY", "items": {"type": "STRING"}},
    ]
}


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "string"}, {"type": "STRING"}),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": "null"}, {"type": "NULL", "nullable": True}),
        ({}, ANYTHING),
        ({"description": "d"}, {"anyOf": [{**o, "description": "d"} for o in ANYTHING["anyOf"]]}),
        ({"type": "array"}, {"type": "ARRAY", "items": ANYTHING}),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "uniqueItems": True},
            {"type": "ARRAY", "minItems": 1, "items": {"type": "INTEGER"}},
        ),
        ({"type": "object"}, {"type": "OBJECT"}),
        (
            {"type": "object", "properties": {}, "minProperties": 1, "additionalProperties": False},
            {"type": "OBJECT", "minProperties": 1},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a", "b"]},
            {"type": "OBJECT", "properties": {"a": {"type": "BOOLEAN"}}, "required": ["a"]},
        ),
        (
            {"properties": {"a": {"type": "boolean"}}, "anyOf": [{"required": ["a"]}]},
            {"type": "OBJECT", "properties": {"a": {"type": "BOOLEAN"}}},
        ),
        (
            {"type": "string", "format": "date-time", "minLength": 1, "pattern": "x"},
            {"type": "STRING", "minLength": 1, "pattern": "x", "format": "date-time"},
        ),
        ({"type": "string", "format": "uri", "minimum": 1}, {"type": "STRING"}),
        (
            {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 9, "format": "int32"},
            {"type": "INTEGER", "minimum": 2, "maximum": 8, "format": "int32"},
        ),
        (
            {"type": "number", "exclusiveMinimum": 1, "maximum": 9, "multipleOf": 2},
            {"type": "NUMBER", "minimum": 1, "maximum": 9},
        ),
        (
            {"enum": ["a", "", None, 1, True, {"b": 1}]},
            {"type": "STRING", "nullable": True, "enum": ["a", "1", "true", '{"b":1}']},
        ),
        ({"type": "integer", "enum": [1, 2]}, {"type": "STRING", "enum": ["1", "2"]}),
        ({"const": 7}, {"type": "STRING", "enum": ["7"]}),
        ({"enum": [""]}, {"type": "STRING"}),
        ({"const": None}, {"type": "STRING", "nullable": True}),
        (
            {"type": "string", "title": "T", "description": "d", "default": "x"},
            {"type": "STRING", "title": "T", "description": "d", "default": "x"},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d", "default": None},
            {"type": "STRING", "description": "d", "nullable": True},
        ),
        (
            {
                "oneOf": [{"type": "string"}, {"type": "integer", "description": "own"}],
                "description": "d",
            },
            {
                "anyOf": [
                    {"type": "STRING", "description": "d"},
                    {"type": "INTEGER", "description": "own"},
                ]
            },
        ),
        ({"anyOf": [{"type": "null"}]}, {"type": "NULL", "nullable": True}),
        (
            {"type": "string", "anyOf": [{"minLength": 1}, {"pattern": "x"}]},
            {"anyOf": [{"type": "STRING", "minLength": 1}, {"type": "STRING", "pattern": "x"}]},
        ),
        ({"anyOf": [{"description": "x"}, {}]}, ANYTHING),
        (
            {"type": ["string", "integer", "null"], "minLength": 1, "description": "d"},
            {
                "anyOf": [
                    {"description": "d", "nullable": True, "type": "STRING", "minLength": 1},
                    {"description": "d", "nullable": True, "type": "INTEGER"},
                ]
            },
        ),
    ],
)
def test_a_schema_in_geminis_terms(schema: Any, shown: Any) -> None:
    assert to_gemini(schema) == shown


def test_values_as_text() -> None:
    assert [*map(value_text, ("a", 1, 1.5, None, [True]))] == ["a", "1", "1.5", "null", "[true]"]
