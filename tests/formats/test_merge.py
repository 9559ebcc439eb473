import pytest

from mcpgw.formats.keyword import Schema
from mcpgw.formats.merge import merged

STRING = {"type": "string"}


def with_(**properties: Schema) -> Schema:
    return {"properties": properties}


@pytest.mark.parametrize(
    ("schemas", "whole"),
    [
        ([], {}),
        ([STRING], STRING),
        ([STRING, STRING], STRING),
        ([{"title": "first"}, {"title": "second"}], {"title": "first"}),
        ([with_(a=STRING), with_(b=STRING)], with_(a=STRING, b=STRING)),
        (
            [with_(a={"minLength": 1}), with_(a={"maxLength": 9})],
            with_(a={"minLength": 1, "maxLength": 9}),
        ),
        ([{"required": ["a"]}, {"required": ["b", "a"]}], {"required": ["a", "b"]}),
        ([{"minimum": 1}, {"minimum": 3}], {"minimum": 3}),
        ([{"maxItems": 1}, {"maxItems": 3}], {"maxItems": 1}),
        ([{"type": ["string", "null"]}, STRING], STRING),
        ([{"enum": [1, 2, 3]}, {"enum": [3, 2, 4]}], {"enum": [2, 3]}),
        ([{"allOf": [STRING]}, {"allOf": [{}]}], {"allOf": [STRING, {}]}),
        (
            [{"type": ["string", "null", "integer"]}, {"type": ["null", "integer"]}],
            {"type": ["null", "integer"]},
        ),
        (
            [{**with_(a=STRING), "additionalProperties": False}, with_(a={"minLength": 1})],
            {**with_(a={"type": "string", "minLength": 1}), "additionalProperties": False},
        ),
    ],
)
def test_schemas_that_hold_at_once(schemas: list[Schema], whole: Schema) -> None:
    assert merged(schemas) == (whole, True)


@pytest.mark.parametrize(
    ("schemas", "whole"),
    [
        ([STRING, {"type": "integer"}], STRING),
        ([{"pattern": "a"}, {"pattern": "b"}], {"pattern": "a"}),
        ([{"enum": [1]}, {"enum": [True]}], {"enum": [1]}),
        ([{"const": 1}, {"const": 2}], {"const": 1}),
        ([{"const": 1}, {"const": True}], {"const": 1}),
        ([{"anyOf": [STRING]}, {"anyOf": [{}]}], {"anyOf": [STRING]}),
        ([with_(a=STRING), with_(a={"type": "integer"})], with_(a=STRING)),
        (
            [{**with_(a=STRING), "additionalProperties": False}, with_(b=STRING)],
            {**with_(a=STRING, b=STRING), "additionalProperties": False},
        ),
    ],
)
def test_what_cannot_be_said_as_one_admits_more(schemas: list[Schema], whole: Schema) -> None:
    assert merged(schemas) == (whole, False)
