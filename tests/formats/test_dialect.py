"""The table of what each vendor takes, row by row, and that nothing hostile gets past it."""

from typing import Any

import pytest

from mcpgw.formats.dialect import AT_THE_TOP, Dialect, narrowed
from mcpgw.formats.property_name import told_name
from tests.formats import vendor_rules
from tests.formats.hostile import HOSTILE

STRING = {"type": "string"}
ROOT = {"type": "object", "properties": {}}

RULES = {
    Dialect.OPENAI: vendor_rules.openai,
    Dialect.ANTHROPIC: vendor_rules.anthropic,
    Dialect.GEMINI: vendor_rules.gemini,
    Dialect.GEMINI_OPENAPI: vendor_rules.gemini_openapi,
}


@pytest.mark.parametrize("dialect", RULES)
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_reaches_a_vendor(name: str, dialect: Dialect) -> None:
    assert RULES[dialect](narrowed(HOSTILE[name], dialect).schema) == []


def one(schema: object, dialect: Dialect) -> Any:
    """Return what becomes of a property's schema."""
    return narrowed({"type": "object", "properties": {"a": schema}}, dialect).schema["properties"][
        "a"
    ]


PASSED = [
    {"type": "object", "additionalProperties": False},
    {"anyOf": [STRING, {"type": "null"}]},
    {"oneOf": [STRING, {"type": "null"}]},
    {"allOf": [STRING, {"minLength": 1}]},
    {"not": STRING},
    {"if": STRING, "then": {}, "else": {}},
    {"patternProperties": {"^x": STRING}},
    {"const": 1},
    {"enum": [1, "a", None]},
    {"type": ["string", "null"]},
    {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "x", "format": "uri"},
    {"type": "number", "exclusiveMinimum": 1, "multipleOf": 2},
    {"type": "array", "items": {}, "uniqueItems": True},
    {"type": "object", "minProperties": 1},
    {"type": "string", "default": "x", "title": "T", "examples": ["a"]},
]


@pytest.mark.parametrize("schema", PASSED)
@pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.ANTHROPIC, Dialect.OPENAPI])
def test_openai_anthropic_and_openapi_take_nearly_everything(schema: Any, dialect: Dialect) -> None:
    assert one(schema, dialect) == schema


def test_openai_wants_to_know_what_is_in_a_list() -> None:
    schema = {"type": ["array", "null"]}
    assert one(schema, Dialect.OPENAI) == {**schema, "items": {}}
    assert one(schema, Dialect.ANTHROPIC) == schema


def test_references_stay_where_they_are_followed() -> None:
    schema = {**ROOT, "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "array"}}}
    kept = narrowed(schema, Dialect.OPENAI).schema
    assert kept["properties"] == {"a": {"$ref": "#/$defs/x"}}
    assert kept["$defs"] == {"x": {"type": "array", "items": {}}}
    for dialect in (Dialect.ANTHROPIC, Dialect.OPENAPI):
        assert narrowed(schema, dialect).schema == schema
    put = narrowed(schema, Dialect.GEMINI).schema
    assert put == {**ROOT, "properties": {"a": {"type": "array", "items": {}}}}


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "object", "additionalProperties": False}, None),
        ({"oneOf": [STRING, {"type": "null"}]}, None),
        ({"const": 1}, None),
        ({"enum": [1, "a"]}, None),
        ({"type": ["string", "null"], "format": "uri", "minLength": 1}, None),
        ({"type": "number", "exclusiveMinimum": 1}, None),
        ({"type": "string", "default": "x", "title": "T"}, None),
        ({"allOf": [STRING, {"minLength": 1}]}, {"type": "string", "minLength": 1}),
        ({**STRING, "not": {"const": "x"}, "if": {}, "then": {}, "else": {}}, STRING),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "array", "items": STRING, "uniqueItems": True, "contains": STRING},
            {"type": "array", "items": STRING},
        ),
        (
            {
                "type": "object",
                "minProperties": 1,
                "patternProperties": {"x": {}},
                "required": ["q"],
            },
            {"type": "object", "required": []},
        ),
        ({**STRING, "examples": ["a"]}, STRING),
    ],
)
def test_gemini_takes_less(schema: Any, shown: Any) -> None:
    assert one(schema, Dialect.GEMINI) == (schema if shown is None else shown)


def test_names_are_told_as_each_takes_them() -> None:
    schema = {
        "type": "object",
        "properties": {"a.b": STRING, "c d": {"properties": {"e f": STRING}}},
        "required": ["a.b", "c d"],
    }
    anthropic = narrowed(schema, Dialect.ANTHROPIC).schema
    assert list(anthropic["properties"]) == ["a.b", told_name("c d")]
    assert anthropic["required"] == ["a.b", told_name("c d")]
    assert list(anthropic["properties"][told_name("c d")]["properties"]) == ["e f"]
    gemini = narrowed(schema, Dialect.GEMINI).schema
    assert gemini["required"] == [told_name("a.b"), told_name("c d")]
    assert list(gemini["properties"][told_name("c d")]["properties"]) == [told_name("e f")]
    assert narrowed(schema, Dialect.OPENAI).schema == schema


def test_notes_say_what_the_model_is_not_told() -> None:
    assert narrowed(HOSTILE["alternatives at the top"], Dialect.OPENAI).notes == (AT_THE_TOP,)
    assert narrowed(HOSTILE["alternatives at the top"], Dialect.OPENAPI).notes == ()
    assert narrowed(HOSTILE["all of at the top"], Dialect.OPENAI).notes == ()
    (note,) = narrowed(HOSTILE["a tree"], Dialect.GEMINI).notes
    assert "refers to itself" in note


def test_an_openapi_document_takes_any_top() -> None:
    for schema in ({"anyOf": [STRING, {"type": "null"}]}, STRING, {}):
        assert narrowed(schema, Dialect.OPENAPI).schema == schema
