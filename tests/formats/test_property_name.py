import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.formats.property_name import (
    ANTHROPIC_NAMES,
    GEMINI_NAMES,
    own_names,
    renamed,
    renamed_everywhere,
    told_name,
)
from tests.formats.vendor_rules import ANTHROPIC_NAME, GEMINI_NAME

STRING = {"type": "string"}


@given(st.lists(st.text(max_size=200), unique=True, max_size=30))
def test_every_name_is_taken_and_found_again(names: list[str]) -> None:
    told = [told_name(name) for name in names]
    assert all(GEMINI_NAME.fullmatch(name) and ANTHROPIC_NAME.fullmatch(name) for name in told)
    assert len(set(told)) == len(told)
    back = own_names(names)
    for name, replaced in zip(names, told, strict=True):
        if not GEMINI_NAMES.takes(name):
            assert back[replaced] == name


@given(st.text(max_size=80))
def test_the_rules_are_the_vendors(name: str) -> None:
    assert ANTHROPIC_NAMES.takes(name) == bool(ANTHROPIC_NAME.fullmatch(name))
    assert GEMINI_NAMES.takes(name) == bool(GEMINI_NAME.fullmatch(name))


@pytest.mark.parametrize(
    ("name", "begin"),
    [("filter[id]", "filter_id__"), ("9", "_9_"), ("", "__"), ("\u00fc", "__"), ("x" * 99, "xx")],
)
def test_a_name_stays_recognisable(name: str, begin: str) -> None:
    assert told_name(name).startswith(begin)
    assert len(told_name(name)) <= 64


def test_a_name_stands_for_itself_alone_whatever_stands_beside_it() -> None:
    assert told_name("a b") != told_name("a.b")
    assert own_names(["a b"])[told_name("a b")] == own_names(["a.b", "a b"])[told_name("a b")]


def test_a_schema_is_renamed_at_its_top() -> None:
    schema = {
        "properties": {"$top": STRING, "plain": {"properties": {"$in": STRING}}},
        "required": ["$top", "plain"],
    }
    top = told_name("$top")
    assert renamed(schema, ANTHROPIC_NAMES) == {
        "properties": {top: STRING, "plain": {"properties": {"$in": STRING}}},
        "required": [top, "plain"],
    }
    assert "required" not in renamed({"properties": {"$top": STRING}}, ANTHROPIC_NAMES)
    for fine in ({}, {"properties": {"a.b": STRING}, "required": ["a.b"]}):
        assert renamed(fine, ANTHROPIC_NAMES) is fine


def test_or_everywhere() -> None:
    schema = {"properties": {"a": {"items": {"properties": {"$in": STRING}}}}}
    inner = renamed_everywhere(schema, GEMINI_NAMES)["properties"]["a"]["items"]
    assert list(inner["properties"]) == [told_name("$in")]
