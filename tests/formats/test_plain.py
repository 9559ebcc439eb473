import json
from typing import Any

import pytest

from mcpgw.formats.plain import MAX_NOTES, MAX_SCHEMAS, plain, resolve
from tests.formats.hostile import HOSTILE


def test_what_is_plain_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "title": "T",
        "properties": {"a": {"type": "string", "minLength": 1, "default": "x"}},
        "required": ["a"],
        "additionalProperties": False,
        "anyOf": [{"required": ["a"]}, {"not": {"const": None}}],
        "dependentRequired": {"a": ["b"]},
        "if": {"properties": {"a": {"const": 1}}},
        "unevaluatedProperties": True,
        "patternProperties": {"^x": {}},
    }
    read = plain(schema)
    assert read.root == schema
    assert (read.definitions, read.notes) == ({}, ())
    assert read.root is not schema


def test_what_means_nothing_to_a_model_is_left_out() -> None:
    read = plain(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:x",
            "$comment": "for maintainers",
            "x-mcp-header": "Region",
            "type": "object",
            "properties": {"x-mcp-header": {"type": "string", "x-internal": 1}},
            "examples": [1, 2, 3, 4],
            "$defs": {"unused": {}},
        }
    )
    assert read.root == {
        "type": "object",
        "properties": {"x-mcp-header": {"type": "string"}},
        "examples": [1, 2, 3],
    }


def test_references_lead_to_definitions_by_name() -> None:
    read = plain(
        {
            "properties": {
                "a": {"$ref": "#/$defs/x", "title": "beside it"},
                "b": {"$ref": "#/$defs/x"},
                "c": {"$ref": "#/definitions/x"},
                "d": {"$ref": "#/properties/e/anyOf/1"},
                "e": {"anyOf": [{}, {"const": 1}]},
                "f": {"$ref": "#"},
                "g": {"$ref": "#/definitions/a~1b%20c"},
                "h": {"$ref": "#/definitions/schema"},
                "i": {"$ref": "#/definitions/%C3%BC"},
            },
            "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"type": "string"}},
            "definitions": {
                "x": {"type": "number"},
                "a/b c": {},
                "schema": {},
                "\u00fc": {"const": "umlaut"},
            },
        }
    )
    of = {name: one.get("$ref") for name, one in read.root["properties"].items()}
    assert of["a"] == of["b"] == "#/$defs/x"
    assert read.root["properties"]["a"]["title"] == "beside it"
    assert read.definitions["x"] == {"$ref": "#/$defs/y"}
    assert read.definitions["y"] == {"type": "string"}
    definitions = {
        name: read.definitions[str(ref).removeprefix("#/$defs/")] for name, ref in of.items() if ref
    }
    assert definitions["c"] == {"type": "number"}
    assert definitions["d"] == {"const": 1}
    assert definitions["f"]["properties"].keys() == read.root["properties"].keys()
    assert definitions["i"] == {"const": "umlaut"}
    assert len({*read.definitions}) == len({ref for ref in of.values() if ref}) + 1


@pytest.mark.parametrize(
    ("reference", "note"),
    [
        ("https://example.com/a.json", "not followed"),
        ("file:///etc/passwd", "not followed"),
        ("other.json#/a", "not followed"),
        ("#anchor", "not followed"),
        (7, "not followed"),
        ("#/$defs/missing", "points at nothing"),
        ("#/required/99999999999999999999", "points at nothing"),
    ],
)
def test_a_reference_out_of_the_schema_leaves_its_place_open(reference: object, note: str) -> None:
    read = plain({"properties": {"a": {"$ref": reference}}, "required": ["a"]})
    assert read.root["properties"] == {"a": {}}
    assert read.notes[0].startswith("a: ")
    assert note in read.notes[0]


def test_older_drafts_become_new() -> None:
    read = plain(
        {
            "items": [{"type": "string"}, True],
            "minimum": 1,
            "exclusiveMinimum": True,
            "maximum": 9,
            "exclusiveMaximum": False,
        }
    )
    assert read.root == {
        "prefixItems": [{"type": "string"}, {}],
        "exclusiveMinimum": 1,
        "maximum": 9,
    }


def test_what_is_malformed_is_left_out_and_told() -> None:
    read = plain(
        {"properties": [], "type": 7, "anyOf": [], "allOf": {}, "minLength": "3", "not": 5}
    )
    assert read.root == {"not": {}}
    assert set(read.notes) == {
        "properties: malformed, and left out",
        "type: malformed, and left out",
        "anyOf: malformed, and left out",
        "allOf: malformed, and left out",
        "not: this is no schema",
    }


@pytest.mark.parametrize(("schema", "root"), [(True, {}), (False, {"not": {}}), (None, {})])
def test_schemas_that_are_no_objects(schema: object, root: dict[str, Any]) -> None:
    assert plain(schema).root == root


def test_notes_are_bounded() -> None:
    read = plain({"properties": {f"p{n}": {"type": 1} for n in range(100)}})
    assert len(read.notes) == MAX_NOTES


def count(schema: Any) -> int:
    return json.dumps(schema).count("{")


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_comes_is_bounded(name: str) -> None:
    read = plain(HOSTILE[name])
    assert count(read.root) + count(read.definitions) < 3 * MAX_SCHEMAS
    json.dumps([read.root, read.definitions])
    referred = json.dumps([read.root, read.definitions])
    assert "http:" not in referred
    assert "file:" not in referred


def test_a_pointer_leads_through_objects_and_lists() -> None:
    root = {"a": [{"b/c": 1}], "~": 2}
    assert resolve(root, "#") is root
    assert resolve(root, "#/a/0/b~1c") == 1
    assert resolve(root, "#/~0") == 2
    for nowhere in ("#/a/1", "#/a/x", "#/a/-1", "#/b", "#/~0/x", "#/a/00"):
        assert resolve(root, nowhere) is None
