import json
from typing import Any

import pytest

from mcpgw.formats.lint import EVERYWHERE, MOST_TOOLS, STRICT, Finding, findings, targets
from mcpgw.formats.tool import ToolSpec, read_tool
from mcpgw.model.tool_class import ToolClass
from tests.formats.hostile import HOSTILE

STRING = {"type": "string"}


def tool(schema: Any, name: str = "t", description: str = "") -> ToolSpec:
    written = {"name": name, "description": description, "inputSchema": schema}
    return read_tool(json.dumps(written).encode(), "srv", ToolClass.READ)


def found(schema: Any, target: str, description: str = "") -> list[str]:
    """Return what would go wrong with a tool at one target."""
    return [
        one.problem
        for one in findings([tool(schema, description=description)])
        if one.target == target
    ]


def with_(**properties: Any) -> Any:
    return {"type": "object", "properties": properties}


def test_a_plain_tool_works_everywhere() -> None:
    schema = {**with_(a=STRING, b={"type": "array", "items": STRING}), "required": ["a"]}
    assert findings([tool(schema, description="Does.")]) == []


@pytest.mark.parametrize(
    ("target", "schema", "problem"),
    [
        (
            "openai",
            HOSTILE["alternatives at the top"],
            "anyOf at the top refuses the whole request",
        ),
        ("openai", HOSTILE["not and enum at the top"], "not at the top refuses the whole request"),
        ("openai", with_(a={"type": "array"}), "a: a list that does not say of what"),
        (
            "openai",
            with_(a={"items": {"type": ["array", "null"]}}),
            "a.items: a list that does not",
        ),
        ("anthropic", HOSTILE["one of at the top"], "oneOf at the top refuses the whole request"),
        ("anthropic", with_(**{"$top": STRING}), "the argument '$top' refuses the whole request"),
        (
            "gemini",
            with_(a={"description": "x"}),
            "a: without a type Gemini CLI leaves the tool out",
        ),
        ("gemini", with_(a={**with_(), "required": ["b"]}), "a.b: required and not described"),
        ("gemini", with_(a=with_(**{"c.d": STRING})), "the argument 'a.c.d' may refuse"),
        ("gemini", with_(a={"type": "array"}), "a: a list that does not say of what"),
        ("gemini", HOSTILE["a tree"], "root.node: refers to itself"),
        (EVERYWHERE, HOSTILE["a reference to the network"], "a: a reference out of the schema"),
        (EVERYWHERE, HOSTILE["10,000 properties"], "the schema is too deep or too large"),
        ("gpt-actions", with_(a={**STRING, "description": "x" * 701}), "a: its description is cut"),
        ("openai-strict", with_(a={"type": "object"}), "a: an object with members of any name"),
        ("anthropic-strict", HOSTILE["a tree"], "refers to itself"),
    ],
)
def test_what_would_go_wrong(target: str, schema: Any, problem: str) -> None:
    assert any(problem in one for one in found(schema, target)), found(schema, target)


@pytest.mark.parametrize(
    ("target", "schema"),
    [
        ("anthropic", with_(a=with_(**{"$top": STRING}))),
        ("anthropic", HOSTILE["not and enum at the top"]),
        ("gemini", HOSTILE["alternatives at the top"]),
        ("gemini", with_(a={"anyOf": [STRING]}, b={"enum": ["x"]}, c={"$ref": "#/properties/a"})),
        ("openai", with_(a={"type": "array", "prefixItems": [STRING]})),
    ],
)
def test_what_would_not(target: str, schema: Any) -> None:
    assert found(schema, target) == []


def test_long_words() -> None:
    assert found(with_(), "claude-code", "x" * 2049) == [
        "its description is cut after 2048 characters"
    ]
    assert "longer than 300" in found(with_(), "gpt-actions", "x" * 301)[0]
    assert found(with_(), "claude-code", "x" * 2048) == []


def test_definitions_are_looked_at_too() -> None:
    schema = {**with_(a={"$ref": "#/$defs/x"}), "$defs": {"x": with_(b={"type": "array"})}}
    assert found(schema, "openai") == [
        "x.b: a list that does not say of what refuses the whole request"
    ]


def test_too_many_tools() -> None:
    many = [tool(with_(), name=f"t{n}") for n in range(101)]
    of_all = {one.target: one for one in findings(many) if not one.tool}
    assert of_all.keys() == {name for name, most in MOST_TOOLS.items() if most < 101}
    assert of_all["windsurf"] == Finding("", "windsurf", "101 tools, and 100 are the most")


def test_what_tools_are_looked_at_for() -> None:
    assert {"openai", "anthropic", "gemini", "claude-code", "cursor", "vscode"} < set(targets())
    assert not set(STRICT) & set(targets())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_are_looked_at_without_harm(name: str) -> None:
    json.dumps([one.problem for one in findings([tool(HOSTILE[name])])])
