"""Tools out. What the real servers' tools become in each format stands in tests/golden/formats."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpgw.formats.family import Family, Strictness
from mcpgw.formats.listing import MAX_STRICT_TOOLS, Note, Wish, listed
from mcpgw.formats.tool import ToolSpec, read_tool
from mcpgw.model.tool import Named, exposed_names
from mcpgw.model.tool_class import ToolClass
from tests.formats import golden
from tests.formats.vendor_rules import ANTHROPIC_NAME

WRITTEN = golden.written()

STRING = {"type": "string"}


@pytest.mark.parametrize("name", [name for name in WRITTEN if name.startswith("tools.")])
def test_tools_are_the_golden_ones(name: str) -> None:
    assert WRITTEN[name] == golden.read(name)


def tool(name: str = "srv__t", kind: ToolClass = ToolClass.WRITE, **members: Any) -> ToolSpec:
    members = {"inputSchema": {"type": "object"}, **members, "name": name}
    return read_tool(json.dumps(members).encode(), name.partition("__")[0], kind)


def one(wish: Wish, **members: Any) -> Any:
    return listed([tool(**members)], wish).tools[0]


@pytest.mark.parametrize("family", [Family.OPENAI, Family.RESPONSES, Family.ANTHROPIC])
@pytest.mark.parametrize(
    ("strictness", "is_strict"),
    [(Strictness.NEVER, False), (Strictness.WHERE_POSSIBLE, True), (Strictness.ALWAYS, True)],
)
def test_strict_is_always_said(family: Family, strictness: Strictness, is_strict: bool) -> None:
    shown = one(Wish(family, strictness))
    assert shown.get("function", shown)["strict"] is is_strict


def test_a_tool_that_cannot_be_strict_is_announced_without_and_told_of() -> None:
    loose = {"type": "object", "properties": {"a": {}}}
    found = listed([tool(inputSchema=loose)], Wish(Family.OPENAI, Strictness.WHERE_POSSIBLE))
    assert found.tools[0]["function"]["strict"] is False
    assert found.tools[0]["function"]["parameters"]["properties"] == {"a": {}}
    assert found.lax == [Note("srv__t", "a: any value is allowed")]


def test_gemini_has_no_strict_mode() -> None:
    found = listed([tool()], Wish(Family.GEMINI, Strictness.ALWAYS))
    assert found.lax == [Note("srv__t", "Gemini has no strict mode for tools")]
    assert "strict" not in found.tools[0]["functionDeclarations"][0]


def test_anthropic_takes_so_many_strict_tools_in_one_request() -> None:
    wish = Wish(Family.ANTHROPIC, Strictness.WHERE_POSSIBLE)
    found = listed([tool(f"srv__t{n}") for n in range(MAX_STRICT_TOOLS + 2)], wish)
    assert [one["strict"] for one in found.tools] == [True] * MAX_STRICT_TOOLS + [False] * 2
    assert {note.reason for note in found.lax} == {"more than 20 strict tools"}
    open_ = {"type": "object", "properties": {f"p{n}": STRING for n in range(13)}}
    found = listed([tool("srv__a", inputSchema=open_), tool("srv__b", inputSchema=open_)], wish)
    assert found.lax == [Note("srv__b", "more than 24 optional arguments in strict tools")]
    union = {"anyOf": [STRING, {"type": "integer"}]}
    unions = {
        "type": "object",
        "properties": {f"p{n}": {"type": "array", "items": union} for n in range(17)},
        "required": [f"p{n}" for n in range(17)],
    }
    found = listed([tool(inputSchema=unions)], wish)
    assert found.lax == [Note("srv__t", "more than 16 unions in strict tools")]


def test_a_description_is_the_title_where_there_is_no_other() -> None:
    for family in (Family.RESPONSES, Family.ANTHROPIC):
        assert one(Wish(family), description="Does.", title="T")["description"] == "Does."
        assert one(Wish(family), title="T")["description"] == "T"
        assert "description" not in one(Wish(family))


@pytest.mark.parametrize(
    ("kind", "description", "shown"),
    [
        (ToolClass.READ, "Does.", "Does. [read-only]"),
        (ToolClass.DESTRUCTIVE, "", "[destructive]"),
        (ToolClass.WRITE, "Does.", "Does."),
    ],
)
def test_hints_come_when_asked_for(kind: ToolClass, description: str, shown: str) -> None:
    wish = Wish(Family.ANTHROPIC, has_hints=True)
    assert one(wish, kind=kind, description=description)["description"] == shown


def test_what_a_tool_returns_is_told_when_asked_for_and_where_there_is_a_place() -> None:
    output = {"type": "array", "items": STRING}
    asked = Wish(Family.RESPONSES, has_output=True)
    assert one(asked, outputSchema=output)["output_schema"] == output
    assert "output_schema" not in one(asked)
    assert "output_schema" not in one(Wish(Family.RESPONSES), outputSchema=output)
    for wish, has_place in (
        (Wish(Family.GEMINI, has_output=True), True),
        (Wish(Family.GEMINI), False),
        (Wish(Family.GEMINI, has_output=True, is_openapi=True), False),
    ):
        (shown,) = one(wish, outputSchema=output)["functionDeclarations"]
        assert ("responseJsonSchema" in shown) is has_place
    (shown,) = one(Wish(Family.GEMINI, has_output=True))["functionDeclarations"]
    assert "responseJsonSchema" not in shown


def test_gemini_has_two_ways_to_describe_arguments() -> None:
    schema = {"type": "object", "properties": {"a": STRING}}
    (new,) = one(Wish(Family.GEMINI), inputSchema=schema)["functionDeclarations"]
    assert new == {"name": "srv__t", "parametersJsonSchema": schema}
    (old,) = one(Wish(Family.GEMINI, is_openapi=True), inputSchema=schema)["functionDeclarations"]
    assert old["parameters"] == {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
    (none,) = one(Wish(Family.GEMINI, is_openapi=True))["functionDeclarations"]
    assert none == {"name": "srv__t"}


def test_no_tools_are_an_empty_list_everywhere() -> None:
    for family in Family:
        assert listed([], Wish(family)).tools == []


def test_mcp_passes_verbatim_with_a_word_on_whose_it_is() -> None:
    shown = one(Wish(Family.MCP), kind=ToolClass.READ, _meta={"a": 1.0}, description="d")
    assert shown["x-mcpgw"] == {"server": "srv", "class": "read"}
    assert bytes(shown["_meta"]) == b'{"a": 1.0}'
    assert bytes(shown["name"]) == b'"srv__t"'


def test_the_responses_api_takes_tools_by_server() -> None:
    tools = [tool("b__1"), tool("a__1"), tool("b__2")]
    groups = listed(tools, Wish(Family.RESPONSES, is_grouped=True)).tools
    assert [(one["type"], one["name"]) for one in groups] == [
        ("namespace", "a"),
        ("namespace", "b"),
    ]
    assert [one["name"] for one in groups[1]["tools"]] == ["b__1", "b__2"]
    flat = listed(tools, Wish(Family.OPENAI, is_grouped=True)).tools
    assert [one["function"]["name"] for one in flat] == ["b__1", "a__1", "b__2"]


def test_notes_are_of_their_tools() -> None:
    remote = {"type": "object", "properties": {"a": {"$ref": "https://example.com"}}}
    (note,) = listed([tool(inputSchema=remote)], Wish(Family.OPENAI)).notes
    assert note == Note("srv__t", "a: a reference out of the schema is not followed")


named = st.builds(
    Named,
    st.sampled_from(["s1", "s2"]),
    st.sampled_from(["git", "", "a-b", "x" * 24]),
    st.text(max_size=150),
)


@given(st.lists(named, max_size=30))
def test_names_are_within_every_limit_and_found_again_by_table(things: list[Named]) -> None:
    table = exposed_names(things)
    assert set(table.values()) == set(things)
    for name in table:
        assert ANTHROPIC_NAME.fullmatch(name) or name == ""
        # Gemini's begin with a letter, OpenAI's have no dot; clients put their own name before.
        assert name[:1].isalpha()
        assert "." not in name
        assert len(f"mcp__mcpgw__{name}") <= 64
