import pytest

from mcpgw.formats.keyword import (
    Schema,
    has_shape,
    implied_type,
    place,
    rebuilt,
    type_name,
    types_of,
)


def test_every_schema_in_a_schema_is_visited_and_nothing_else() -> None:
    schema: Schema = {
        "type": "object",
        "properties": {"items": {"title": "1"}, "enum": {"title": "2"}},
        "patternProperties": {"^x": {"title": "3"}},
        "additionalProperties": False,
        "items": {"title": "4"},
        "anyOf": [{"title": "5"}, {"title": "6"}],
        "not": {"title": "7"},
        "enum": [{"title": "no schema"}],
        "default": {"items": {"title": "no schema"}},
    }
    seen = {}

    def visit(one: Schema, where: str) -> Schema:
        seen[one["title"]] = where
        return {**one, "title": one["title"] * 2}

    built = rebuilt(schema, visit, "at")
    assert seen == {
        "1": "at.items",
        "2": "at.enum",
        "3": "at.^x",
        "4": "at.items",
        "5": "at.anyOf[0]",
        "6": "at.anyOf[1]",
        "7": "at.not",
    }
    assert built["properties"]["items"] == {"title": "11"}
    assert built["default"] == schema["default"]
    assert schema["items"] == {"title": "4"}


def test_where_something_stands() -> None:
    assert place("", "a") == "a"
    assert place("a", "b" * 50) == f"a.{'b' * 40}"


@pytest.mark.parametrize(
    ("keyword", "right", "wrong"),
    [
        ("type", "string", "text"),
        ("type", ["string", "null"], []),
        ("type", "null", [["null"]]),
        ("required", ["a"], ["a", 1]),
        ("dependentRequired", {"a": ["b"]}, {"a": "b"}),
        ("const", None, ...),
        ("enum", [None], []),
        ("uniqueItems", True, 1),
        ("title", "", None),
        ("minimum", 1.5, True),
        ("minimum", -1, "1"),
        ("minLength", 0, -1),
        ("minLength", 3, 1.0),
        ("minLength", 3, True),
    ],
)
def test_the_shapes_of_keywords(keyword: str, right: object, wrong: object) -> None:
    assert has_shape(keyword, right)
    assert wrong is ... or not has_shape(keyword, wrong)


@pytest.mark.parametrize("keyword", ["properties", "x-mcp-header", "$schema", "nullable"])
def test_other_keywords_have_no_shape(keyword: str) -> None:
    assert not has_shape(keyword, "anything")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({}, ""),
        ({"type": "string"}, "string"),
        ({"type": ["null", "integer"]}, "integer"),
        ({"type": ["string", "integer"]}, ""),
        ({"type": "null"}, ""),
        ({"const": 1}, "integer"),
        ({"enum": ["a", None]}, "string"),
        ({"enum": ["a", 1]}, ""),
        ({"enum": [None]}, ""),
        ({"properties": {}}, "object"),
        ({"items": {}}, "array"),
        ({"pattern": "x"}, "string"),
        ({"maximum": 1}, "number"),
        ({"description": "x"}, ""),
    ],
)
def test_the_type_that_a_schema_is_of(schema: Schema, name: str) -> None:
    assert implied_type(schema) == name


def test_types_are_named_as_json_schema_does() -> None:
    values: tuple[object, ...] = (None, "a", True, 1, 1.5, [], {})
    assert [*map(type_name, values)] == [
        *("null", "string", "boolean", "integer", "number", "array", "object")
    ]
    assert types_of({"type": "string"}) == ["string"]
    assert types_of({"type": ["string"]}) == ["string"]
    assert types_of({}) == []
