from typing import Any

import pytest

from mcpgw.formats.plain import plain
from mcpgw.formats.root import MAX_STEPS, flat
from tests.formats.hostile import ALTERNATIVES, HOSTILE

STRING = {"type": "string"}


def top(schema: object) -> tuple[dict[str, Any], bool]:
    read = plain(schema)
    return flat(read.root, read.definitions)


def test_a_plain_object_stays() -> None:
    schema = {"type": "object", "properties": {"a": STRING}, "additionalProperties": False}
    assert top(schema) == (schema, True)
    assert top({"properties": {"a": STRING}}) == (
        {"type": "object", "properties": {"a": STRING}},
        True,
    )
    assert top({}) == ({"type": "object", "properties": {}}, True)
    assert top({"type": ["object", "null"]}) == ({"type": "object", "properties": {}}, True)


def test_alternatives_become_one_object_and_a_line_that_says_which_go_together() -> None:
    whole, is_exact = top({"type": "object", "anyOf": ALTERNATIVES, "required": ["content"]})
    assert not is_exact
    assert list(whole["properties"]) == ["content", "source_url", "source_file_id"]
    assert whole["required"] == ["content"]
    assert whole["description"] == "Give one of: (content), (source_url), (source_file_id)."
    assert "anyOf" not in whole


def test_what_all_alternatives_require_is_required() -> None:
    branches = [
        {"properties": {"kind": {"const": "a"}, "x": STRING}, "required": ["kind", "x"]},
        {"properties": {"kind": {"const": "b"}, "x": {"type": "number"}}, "required": ["kind"]},
        {"properties": {"kind": {"enum": ["b", "c"]}, "x": STRING}, "required": ["kind"]},
    ]
    whole, _ = top({"description": "Does.", "oneOf": branches})
    assert whole["required"] == ["kind"]
    assert whole["properties"]["kind"] == {"enum": ["a", "b", "c"]}
    assert whole["properties"]["x"] == {"anyOf": [STRING, {"type": "number"}, STRING]}
    assert whole["description"] == "Does.\nGive one of: (x)."


def test_alternatives_that_say_nothing_of_properties() -> None:
    whole, is_exact = top({"properties": {"a": STRING}, "anyOf": [{}, {"title": "x"}]})
    assert (whole["properties"], is_exact) == ({"a": STRING}, False)
    assert "description" not in whole


def test_the_same_property_of_two_alternatives_is_said_once() -> None:
    same = {"properties": {"a": STRING}}
    whole, _ = top({"anyOf": [same, same]})
    assert whole["properties"] == {"a": STRING}


def test_what_holds_at_once_is_merged_exactly() -> None:
    schema = {
        "allOf": [
            {"$ref": "#/$defs/base"},
            {"properties": {"b": STRING}, "required": ["b"]},
        ],
        "$defs": {"base": {"properties": {"a": STRING}, "required": ["a"]}},
    }
    whole, is_exact = top(schema)
    assert is_exact
    assert whole == {
        "type": "object",
        "properties": {"a": STRING, "b": STRING},
        "required": ["a", "b"],
    }
    _, is_exact = top({"allOf": [{"pattern": "a"}, {"pattern": "b"}]})
    assert not is_exact


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "not": {"required": ["a"]}},
        {"type": "object", "enum": [{}]},
        {"const": {}},
        {"type": "array"},
        False,
    ],
)
def test_what_vendors_refuse_at_the_top_is_not_there(schema: object) -> None:
    whole, is_exact = top(schema)
    assert not is_exact
    assert whole == {"type": "object", "properties": {}}


def test_what_fans_out_is_cut_off() -> None:
    for name in ("alternatives that fan out at the top", "400 alternatives at the top"):
        whole, is_exact = top(HOSTILE[name])
        assert not is_exact
        assert len(whole["properties"]) <= MAX_STEPS
    assert top(HOSTILE["a circle of definitions"]) == ({"type": "object", "properties": {}}, True)
