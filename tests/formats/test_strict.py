"""The strict modes: what is said otherwise, what is refused and why; nothing hostile gets past."""

from typing import Any

import pytest

from mcpgw.formats.property_name import told_name
from mcpgw.formats.strict import ANTHROPIC_STRICT, MAX_REASONS, OPENAI_STRICT, StrictRules, strict
from tests.formats import vendor_rules
from tests.formats.hostile import HOSTILE

STRING = {"type": "string"}
NULL = {"type": "null"}

RULES = {"openai": OPENAI_STRICT, "anthropic": ANTHROPIC_STRICT}
JUDGES = {"openai": vendor_rules.openai_strict, "anthropic": vendor_rules.anthropic_strict}


@pytest.mark.parametrize("vendor", RULES)
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_called_strict_is_taken(name: str, vendor: str) -> None:
    found = strict(HOSTILE[name], RULES[vendor])
    assert len(found.reasons) <= MAX_REASONS
    if not found.reasons:
        assert JUDGES[vendor](found.schema) == []


def with_(**properties: Any) -> Any:
    return {"type": "object", "properties": properties, "required": list(properties)}


def one(schema: Any, rules: StrictRules = OPENAI_STRICT) -> Any:
    """Return what becomes of a required property."""
    found = strict(with_(a=schema), rules)
    assert found.reasons == ()
    return found.schema["properties"]["a"]


OPTIONAL = [
    (STRING, {"type": ["string", "null"]}),
    ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
    ({"enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
    ({"const": 1}, {"type": ["integer", "null"], "enum": [1, None]}),
    ({"enum": ["a", None]}, {"anyOf": [NULL, {"type": "string", "enum": ["a"]}]}),
    ({"anyOf": [STRING, {"type": "integer"}]}, {"anyOf": [STRING, {"type": "integer"}, NULL]}),
    ({"anyOf": [STRING, NULL]}, {"anyOf": [STRING, NULL]}),
]


@pytest.mark.parametrize(("schema", "shown"), OPTIONAL)
def test_an_optional_property_admits_null_with_openai(schema: Any, shown: Any) -> None:
    found = strict({"type": "object", "properties": {"a": schema}}, OPENAI_STRICT)
    assert found.schema == {
        "type": "object",
        "properties": {"a": shown},
        "required": ["a"],
        "additionalProperties": False,
    }


def test_and_stays_optional_with_anthropic() -> None:
    found = strict({"type": "object", "properties": {"a": STRING}}, ANTHROPIC_STRICT)
    assert found.schema["properties"] == {"a": STRING}
    assert found.schema["required"] == []


SAID_OTHERWISE = [
    ({"type": "string", "format": "email"}, None, None),
    (
        {"type": "string", "format": "uri"},
        {"type": "string", "description": "(format uri)"},
        {"type": "string", "format": "uri"},
    ),
    (
        {"type": "string", "minLength": 1, "pattern": "^a$", "description": "A."},
        None,
        {"type": "string", "description": "A. (minLength 1, pattern ^a$)"},
    ),
    (
        {"type": "string", "pattern": "(?=a)"},
        {"type": "string", "description": "(pattern (?=a))"},
        {"type": "string", "description": "(pattern (?=a))"},
    ),
    (
        {"type": "string", "pattern": "("},
        {"type": "string", "description": "(pattern ()"},
        {"type": "string", "description": "(pattern ()"},
    ),
    (
        {"type": "number", "minimum": 1, "exclusiveMaximum": 9},
        {"type": "number", "minimum": 1, "description": "(exclusiveMaximum 9)"},
        {"type": "number", "description": "(exclusiveMaximum 9, minimum 1)"},
    ),
    (
        {"type": "array", "items": STRING, "minItems": 1, "maxItems": 3, "uniqueItems": True},
        {
            "type": "array",
            "items": STRING,
            "minItems": 1,
            "maxItems": 3,
            "description": "(uniqueItems true)",
        },
        {
            "type": "array",
            "items": STRING,
            "minItems": 1,
            "description": "(maxItems 3, uniqueItems true)",
        },
    ),
    (
        {"type": "array", "items": STRING, "minItems": 2},
        None,
        {"type": "array", "items": STRING, "description": "(minItems 2)"},
    ),
    (
        {"type": "string", "default": "x", "title": "T", "examples": ["a"]},
        *[{"type": "string", "title": "T"}] * 2,
    ),
    ({"oneOf": [STRING, NULL]}, *[{"anyOf": [STRING, NULL]}] * 2),
    ({"type": "string", "anyOf": [{"minLength": 1}]}, *[None] * 2),
    ({"allOf": [STRING, {"title": "T"}]}, *[{"type": "string", "title": "T"}] * 2),
    ({"type": ["string", "integer"]}, *[{"anyOf": [STRING, {"type": "integer"}]}] * 2),
    (
        {"type": ["string", "integer", "null"], "minLength": 1},
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}, NULL]},
        {"anyOf": [{"type": "string", "description": "(minLength 1)"}, {"type": "integer"}, NULL]},
    ),
    (
        {"minimum": 3},
        {"type": "number", "minimum": 3},
        {"type": "number", "description": "(minimum 3)"},
    ),
    ({"const": "x"}, *[{"type": "string", "enum": ["x"]}] * 2),
    (
        {"enum": [1, "a", 2], "description": "d"},
        *[
            {
                "description": "d",
                "anyOf": [{"type": "integer", "enum": [1, 2]}, {"type": "string", "enum": ["a"]}],
            }
        ]
        * 2,
    ),
    (NULL, NULL, NULL),
]


@pytest.mark.parametrize(("schema", "openai", "anthropic"), SAID_OTHERWISE)
def test_what_is_said_otherwise(schema: Any, openai: Any, anthropic: Any) -> None:
    if "anyOf" in schema and "type" in schema:
        openai = {"anyOf": [{"type": "string", "minLength": 1}]}
        anthropic = {"anyOf": [{"type": "string", "description": "(minLength 1)"}]}
    assert one(schema) == (schema if openai is None else openai)
    assert one(schema, ANTHROPIC_STRICT) == (schema if anthropic is None else anthropic)


REFUSED = [
    ({}, "a: any value is allowed"),
    ({"type": "array"}, "a.items: any value is allowed"),
    ({"type": "object"}, "a: an object with members of any name"),
    ({**with_(b=STRING), "additionalProperties": STRING}, "a: an object with members of any name"),
    (
        {"type": "object", "required": ["q"], "properties": {"b": STRING}},
        "a.q: required and not described",
    ),
    ({**STRING, "not": {"const": "x"}}, "a: not cannot be said"),
    ({"type": "array", "items": [STRING]}, "a: a list whose places differ"),
    ({"enum": [{}]}, "a: a value that is no text, number, flag or null"),
    ({**with_(b=STRING), "anyOf": [{"required": ["b"]}]}, "a: alternatives beside other keywords"),
    ({"anyOf": [STRING], "oneOf": [STRING]}, "a: alternatives beside other keywords"),
    ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, "a: allOf cannot be made one"),
    ({"allOf": [{"allOf": [STRING]}]}, "a: allOf cannot be made one"),
    ({"$ref": "https://example.com/x"}, "a: a reference out of the schema is not followed"),
]


@pytest.mark.parametrize(("schema", "reason"), REFUSED)
def test_what_cannot_be_strict_says_why(schema: Any, reason: str) -> None:
    for rules in RULES.values():
        assert reason in strict(with_(a=schema), rules).reasons


def test_the_top_must_be_a_plain_object() -> None:
    reason = "alternatives or conditions at the top"
    assert strict(HOSTILE["alternatives at the top"], OPENAI_STRICT).reasons == (reason,)
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert strict({"type": "object"}, OPENAI_STRICT).schema == empty
    open_ = strict({"type": "object", "additionalProperties": True}, OPENAI_STRICT)
    assert open_.reasons == ("an object with members of any name",)
    closed = with_(a={**with_(b=STRING), "unevaluatedProperties": False})
    assert strict(closed, OPENAI_STRICT).reasons == ()


def test_what_refers_to_itself_is_for_openai_only() -> None:
    found = strict(HOSTILE["a tree"], OPENAI_STRICT)
    assert found.reasons == ()
    assert found.schema["properties"]["root"] == {"anyOf": [{"$ref": "#/$defs/node"}, NULL]}
    node = found.schema["$defs"]["node"]
    assert node["required"] == ["value", "children"]
    assert node["properties"]["children"]["type"] == ["array", "null"]
    assert "refers to itself" in strict(HOSTILE["a tree"], ANTHROPIC_STRICT).reasons[0]


def test_a_reference_to_itself_among_what_holds_at_once() -> None:
    tree = HOSTILE["a tree"]
    alone = {**tree, "properties": {"a": {"allOf": [{"$ref": "#/$defs/node"}], "title": "T"}}}
    shown = strict(alone, OPENAI_STRICT)
    assert shown.reasons == ()
    assert shown.schema["properties"]["a"] == {"anyOf": [{"$ref": "#/$defs/node"}, NULL]}
    more = {
        **tree,
        "properties": {"a": {"allOf": [{"$ref": "#/$defs/node"}, {"minProperties": 1}]}},
    }
    assert strict(more, OPENAI_STRICT).reasons == ("a: allOf cannot be made one",)


def test_anthropic_is_told_names_that_it_takes() -> None:
    found = strict(with_(**{"$top": STRING}), ANTHROPIC_STRICT)
    assert found.schema["required"] == [told_name("$top")]


def nested(levels: int) -> Any:
    schema: Any = STRING
    for _ in range(levels):
        schema = with_(a=schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (nested(11), "more than 10 levels"),
        (
            with_(**{f"p{n}": STRING for n in range(5000)}),
            "p4999: the schema is too deep or too large; the rest is left open",
        ),
        (with_(a={"enum": [*map(str, range(1001))]}), "more than 1,000 values in enumerations"),
        (with_(**{"x" * 120_001: STRING}), "more than 120,000 characters in names and values"),
        (
            with_(a={"enum": [f"{n:060}" for n in range(251)]}),
            "more than 15,000 characters in one long enumeration",
        ),
    ],
)
def test_openais_limits(schema: Any, reason: str) -> None:
    assert reason in strict(schema, OPENAI_STRICT).reasons


def test_what_is_just_within_the_limits() -> None:
    assert strict(nested(10), OPENAI_STRICT).reasons == ()
    assert strict(with_(a={"enum": [*map(str, range(1000))]}), OPENAI_STRICT).reasons == ()
    assert strict(with_(a={"enum": [f"{n:060}" for n in range(250)]}), OPENAI_STRICT).reasons == ()
