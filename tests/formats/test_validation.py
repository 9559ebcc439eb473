import json
import time
from typing import Any

import pytest

from mcpgw.formats.validation import MAX_STEPS, checker, checker_of
from tests.formats.hostile import HOSTILE

STRING = {"type": "string"}


def problem(schema: Any, value: Any, size: int = 100) -> str:
    check = checker_of(schema)
    assert check is not None
    return check(value, size)


def test_what_is_wrong_is_said_in_a_sentence_with_its_place() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "integer"}}},
        "required": ["b"],
    }
    assert problem(schema, {"a": [1], "b": 0}) == ""
    said = problem(schema, {"a": [1, "x"]})
    assert 'a/1: "x" is not of type "integer"' in said
    assert '"b" is a required property' in said


def test_no_more_is_said_than_a_model_can_use() -> None:
    schema = {"type": "object", "properties": {f"p{n}": STRING for n in range(9)}}
    assert problem(schema, {f"p{n}": n for n in range(9)}).count(";") == 2
    assert len(problem(schema, {"p1": ["x" * 10_000]})) < 400


def test_older_drafts_are_known() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "maximum": 3,
        "exclusiveMaximum": True,
    }
    assert problem(schema, 3)
    assert problem({**schema, "exclusiveMaximum": False}, 3) == ""


def test_a_schema_that_is_no_object() -> None:
    assert problem(True, 1) == ""
    assert problem(False, 1)
    assert checker_of("text") is None


LEFT = [
    "itself in a property",
    "a tree",
    "a linked list",
    "a circle of definitions",
    "a reference to the network",
    "a reference to a file",
    "a reference to another document",
    "a reference that is a number",
    "a reference to an anchor",
    "a reference at nothing",
    "a dynamic reference",
    "50 objects deep",
    "a pattern that is none",
    "a type that nobody knows",
]


@pytest.mark.parametrize("name", LEFT)
def test_what_refers_to_itself_or_out_of_itself_is_left_to_the_server(name: str) -> None:
    assert checker_of(HOSTILE[name]) is None
    assert checker(json.dumps(HOSTILE[name]).encode()) is None


def test_a_base_of_its_own_is_left_to_the_server_but_at_the_top() -> None:
    top = {"$id": "https://example.com/x", **STRING}
    assert problem(top, 1)
    assert checker_of({"properties": {"a": top}}) is None


def test_a_check_that_could_take_long_is_not_made() -> None:
    pattern = {"type": "string", "pattern": "^(a+)+$"}
    assert problem(pattern, "b", size=1000)
    assert problem(pattern, "b", size=MAX_STEPS) == ""
    many = {"patternProperties": {f"^{n}": STRING for n in range(100)}}
    assert problem(many, {"1": 1}, size=10)
    assert problem(many, {"1": 1}, size=MAX_STEPS // 100_000) == ""
    doubling = HOSTILE["definitions that double 30 times"]
    assert checker_of(doubling) is None or problem(doubling, {"a": 1}) == ""


def test_old_ways_to_hold_schemas_are_counted() -> None:
    expensive = {f"p{n}": {"pattern": str(n)} for n in range(50)}
    for schema in (
        {"dependencies": {"a": {"properties": expensive}}},
        {"additionalItems": {"properties": expensive}},
    ):
        assert problem({**schema, "type": "array"}, {}, size=100)
        assert problem({**schema, "type": "array"}, {}, size=MAX_STEPS // 90_000) == ""
    old = "http://json-schema.org/draft-07/schema#"
    assert problem({"$schema": old, "items": [{"type": "string"}]}, [1])


def test_values_nested_too_deeply_to_be_checked_are_left_to_the_server() -> None:
    value: Any = 1
    for _ in range(3000):
        value = [value]
    assert problem({"type": "object"}, [1])
    assert problem({"type": "object"}, value) == ""


def test_raw_schemas_are_read_once() -> None:
    raw = b'{"type":"object"}'
    assert checker(raw) is checker(bytes(raw))
    assert checker(b"{") is None
    assert checker(b"[" * 5000) is None


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_cost_bounded_time_and_no_fetch(name: str) -> None:
    """The bound is generous, for machines that others use too; each takes milliseconds."""
    begun = time.perf_counter()
    check = checker_of(HOSTILE[name])
    if check is not None:
        check({"a": ["x"] * 1000, "b": {"c": None}}, 10_000)
    assert time.perf_counter() - begun < 20
