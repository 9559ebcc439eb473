"""The way back: for every schema, whatever a strict model may write fits the original after it."""

import json
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mcpgw.formats.gemini import to_gemini
from mcpgw.formats.plain import plain
from mcpgw.formats.property_name import told_name
from mcpgw.formats.restore import MAX_PARTS, restored
from mcpgw.formats.strict import ANTHROPIC_STRICT, OPENAI_STRICT, StrictRules, strict
from tests.formats.hostile import HOSTILE

STRING = {"type": "string"}

names = st.sampled_from(["a", "b", "c", "$d", "e f"])
texts = st.sampled_from(["", "x", "yy", "1", "true"])


def scalars() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from([STRING, {"type": "integer"}, {"type": "boolean"}, {"type": "null"}]),
        st.just({"type": ["string", "null"]}),
        st.just({"type": ["integer", "string"]}),
        st.fixed_dictionaries({"type": st.just("integer"), "minimum": st.integers(-3, 3)}),
        st.fixed_dictionaries({"type": st.just("string"), "minLength": st.integers(0, 2)}),
        st.lists(st.one_of(texts, st.integers(0, 3), st.none(), st.booleans()), min_size=1).map(
            lambda values: {"enum": [json.loads(v) for v in {json.dumps(v) for v in values}]}
        ),
        st.builds(lambda value: {"const": value}, st.one_of(texts, st.integers(0, 3))),
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda properties, required, extra: {
            "type": "object",
            "properties": properties,
            "required": [name for name in required if name in properties],
            **extra,
        },
        st.dictionaries(names, inner, min_size=1, max_size=4),
        st.lists(names, unique=True, max_size=3),
        st.sampled_from([{}, {"additionalProperties": False}]),
    )


def extended(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        objects(inner),
        st.builds(lambda one: {"type": "array", "items": one}, inner),
        st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"allOf": [one]}, inner),
    )


schemas = objects(st.recursive(scalars(), extended, max_leaves=8))


def written(schema: Any, draw: st.DrawFn, root: Any, depth: int = 0) -> Any:
    """Return something that a model writes that is held to a strict schema."""
    if "$ref" in schema:
        return written(root["$defs"][schema["$ref"].rpartition("/")[2]], draw, root, depth + 1)
    if "anyOf" in schema:
        branches = schema["anyOf"][-1:] if depth > 6 else schema["anyOf"]
        return written(draw(st.sampled_from(branches)), draw, root, depth + 1)
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = types[-1] if depth > 6 else draw(st.sampled_from(types))
    if kind == "object":
        return {
            name: written(one, draw, root, depth + 1)
            for name, one in schema["properties"].items()
            if name in schema["required"] or draw(st.booleans())
        }
    if kind == "array":
        count = 0 if depth > 6 else draw(st.integers(schema.get("minItems", 0), 2))
        return [written(schema["items"], draw, root, depth + 1) for _ in range(count)]
    return {
        "null": None,
        "boolean": True,
        "string": "z" * max(schema.get("minLength", 0), 2),
        "integer": max(schema.get("minimum", 0), 7),
    }[kind]


def fits(schema: Any, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


@st.composite
def calls(draw: st.DrawFn, rules: StrictRules) -> tuple[Any, Any]:
    """Return a server's schema, and what a model writes that sees the strict form of it."""
    schema = draw(schemas)
    found = strict(schema, rules)
    assume(not found.reasons)
    value = written(found.schema, draw, found.schema)
    assert fits(found.schema, value) or rules is ANTHROPIC_STRICT
    return schema, value


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(calls(OPENAI_STRICT))
def test_what_a_strict_openai_model_writes_fits_the_original(call: tuple[Any, Any]) -> None:
    schema, value = call
    assert fits(schema, restored(plain(schema), value))


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(calls(ANTHROPIC_STRICT))
def test_what_a_strict_anthropic_model_writes_fits_the_original(call: tuple[Any, Any]) -> None:
    schema, value = call
    assume("minimum" not in json.dumps(schema) and "minLength" not in json.dumps(schema))
    assert fits(schema, restored(plain(schema), value))


def back(schema: Any, value: Any) -> Any:
    return restored(plain(schema), value)


def with_(**properties: Any) -> Any:
    return {"type": "object", "properties": properties}


def test_null_that_stands_for_nothing_is_dropped_and_no_other() -> None:
    schema = {
        **with_(a=STRING, b={"type": ["string", "null"]}, c=STRING, d={"const": None}, e={}),
        "required": ["c"],
    }
    nulls = dict.fromkeys("abcdef")
    assert back(schema, nulls) == dict.fromkeys("bcdef")


def test_what_needs_nothing_is_the_same_object() -> None:
    schema = with_(a=with_(b={"type": "array", "items": with_(c=STRING)}), d={"anyOf": [STRING]})
    value = {"a": {"b": [{"c": "x"}, {"c": "y"}]}, "d": "z", "other": None}
    assert back(schema, value) is value


def test_nulls_are_dropped_at_every_depth() -> None:
    inner = with_(c=STRING)
    schema = with_(
        a=with_(b={"type": "array", "items": inner}),
        d={"$ref": "#/$defs/x"},
        e={"allOf": [inner, with_(f=STRING)]},
        g={"type": "array", "prefixItems": [inner]},
    )
    schema["$defs"] = {"x": inner}
    null = {"c": None}
    value = {"a": {"b": [null, {"c": "x"}]}, "d": null, "e": {**null, "f": None}, "g": [null]}
    assert back(schema, value) == {"a": {"b": [{}, {"c": "x"}]}, "d": {}, "e": {}, "g": [null]}


def test_alternatives_are_told_apart_by_what_fits() -> None:
    cat = {**with_(kind={"const": "cat"}, name=STRING), "required": ["kind"]}
    dog = {**with_(kind={"const": "dog"}, name={"type": ["string", "null"]}), "required": ["kind"]}
    schema = with_(pets={"type": "array", "items": {"oneOf": [cat, dog]}})
    pets = [{"kind": "cat", "name": None}, {"kind": "dog", "name": None}, {"kind": "cow"}]
    assert back(schema, {"pets": pets}) == {"pets": [{"kind": "cat"}, *pets[1:]]}


def test_names_are_the_servers_again() -> None:
    schema = with_(**{"$top": STRING, "in": with_(**{"a b": STRING}), "plain": STRING})
    told = {told_name("$top"): "1", "in": {told_name("a b"): "2"}, "plain": "3", "more": "4"}
    own = {"$top": "1", "in": {"a b": "2"}, "plain": "3", "more": "4"}
    assert back(schema, told) == own
    assert back(schema, own) is own


def test_texts_are_the_values_that_they_stand_for() -> None:
    schema = with_(
        a={"enum": [1, 2.5, True, None, "x"]}, b={"const": 7}, c=STRING, d={"enum": ["1", 1]}
    )
    told = {"a": "2.5", "b": "7", "c": "1", "d": "1"}
    assert back(schema, told) == {"a": 2.5, "b": 7, "c": "1", "d": "1"}
    assert back(schema, {"a": "true"}) == {"a": True}
    assert back(schema, {"a": "nothing of it"}) == {"a": "nothing of it"}
    assert to_gemini(schema["properties"]["a"])["enum"] == ["1", "2.5", "true", "x"]


def test_the_work_is_bounded() -> None:
    tree = HOSTILE["a tree"]
    value: Any = {"value": "leaf"}
    for _ in range(500):
        value = {"value": "x", "children": [value, None]}
    back(tree, {"root": value})
    wide = {"root": {"value": "x", "children": [{"value": "y"}] * 50_000}}
    assert back(tree, wide) is wide
    fan = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 40} for n in range(7)}
    fan_out = {**with_(a={"$ref": "#/$defs/d0"}), "$defs": {**fan, "d7": STRING}}
    assert back(fan_out, {"a": None}) == {"a": None}
    circle = {"d0": {"anyOf": [{"$ref": "#/$defs/d1"}]}, "d1": {"anyOf": [{"$ref": "#/$defs/d0"}]}}
    assert back({**fan_out, "$defs": circle}, {"a": None}) == {"a": None}
    parts = {"allOf": [with_(**{f"p{n}": STRING}) for n in range(2 * MAX_PARTS)]}
    kept = back(parts, {f"p{n}": None for n in range(2 * MAX_PARTS)})
    assert 0 < len(kept) < 2 * MAX_PARTS


def test_what_cannot_be_checked_is_taken_at_its_word() -> None:
    """A schema that refers to itself is left to the server, but its nulls are dropped."""
    value = {"root": {"value": "x", "children": None}}
    assert back(HOSTILE["a tree"], value) == {"root": {"value": "x"}}
