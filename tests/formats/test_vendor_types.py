"""What the gateway writes is accepted by the types of PyPI openai, anthropic and google-genai."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mcpgw.formats.family import Family, Strictness
from mcpgw.formats.listing import Wish, listed
from mcpgw.formats.strict import ANTHROPIC_STRICT, OPENAI_STRICT, strict
from mcpgw.formats.tool import ToolSpec, read_tool
from mcpgw.model.tool_class import ToolClass
from tests.formats import golden
from tests.formats.hostile import HOSTILE
from tests.formats.vendor_types import problems

AUTO = Strictness.WHERE_POSSIBLE
WISHES = [
    ("openai", Wish(Family.OPENAI)),
    ("openai", Wish(Family.OPENAI, AUTO, has_hints=True)),
    ("openai-responses", Wish(Family.RESPONSES, has_output=True)),
    ("openai-responses", Wish(Family.RESPONSES, AUTO)),
    ("namespace", Wish(Family.RESPONSES, is_grouped=True)),
    ("anthropic", Wish(Family.ANTHROPIC)),
    ("anthropic", Wish(Family.ANTHROPIC, AUTO)),
    ("gemini", Wish(Family.GEMINI, has_output=True)),
    ("gemini", Wish(Family.GEMINI, is_openapi=True)),
]

REFUSED: list[tuple[str, Any]] = [
    ("openai", {"type": "function", "function": {"name": "x", "strikt": False}}),
    ("openai-responses", {"type": "function", "name": "x", "parameters": {}, "strict": 1}),
    ("namespace", {"type": "namespace", "name": "x", "tools": [{"type": "function"}]}),
    ("anthropic", {"name": "x"}),
    ("gemini", {"functionDeclarations": [{"name": "x", "parameters": {"const": 1}}]}),
    ("openai_strict", {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}),
    (
        "anthropic_strict",
        {
            "type": "object",
            "properties": {"a": {"type": "string", "minLength": 3}},
            "required": [],
            "additionalProperties": False,
        },
    ),
    ("tool message", {"role": "tool", "content": [{"type": "image_url"}], "tool_call_id": "1"}),
    ("user message", {"role": "user", "content": [{"type": "image"}]}),
    ("function_call_output", {"type": "function_call_output", "output": [{"type": "x"}]}),
    (
        "tool_result",
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "audio", "data": "x"}]},
    ),
    ("gemini part", {"functionResponse": {"name": "x", "response": "text"}}),
]


def hostile() -> list[ToolSpec]:
    return [
        read_tool(
            json.dumps({"name": f"h{n}", "inputSchema": one, "outputSchema": one}).encode(),
            "srv",
            ToolClass.DESTRUCTIVE,
        )
        for n, one in enumerate(HOSTILE.values())
    ]


def written(tool: ToolSpec) -> Iterator[tuple[str, Any]]:
    """Return everything that vendors are told of a tool."""
    for kind, wish in WISHES:
        yield kind, listed([tool], wish).tools[0]
    for kind, rules in (("openai_strict", OPENAI_STRICT), ("anthropic_strict", ANTHROPIC_STRICT)):
        found = strict(tool.input_schema, rules)
        if not found.reasons:
            yield kind, found.schema


def answers() -> Iterator[tuple[str, Any]]:
    """Return every message of the golden results, by the vendor's type that it is of."""
    for name in ("openai", "openai-images", "openai-old"):
        for message in golden.read(f"results.{name}")["messages"]:
            yield f"{message['role']} message", message
    for item in golden.read("results.openai-responses")["items"]:
        yield item["type"], item
    for name in ("anthropic", "anthropic-structured"):
        for block in golden.read(f"results.{name}")["message"]["content"]:
            yield "tool_result", block
    for part in golden.read("results.gemini")["content"]["parts"]:
        yield "gemini part", part


@pytest.fixture(scope="module")
def judgements() -> Mapping[str, list[tuple[str, Any, str]]]:
    """What the vendors say of everything, by what it is; asked at once: that takes a while."""
    tools = [*golden.tools(), *hostile()]
    assert len(tools) == 54 + 60
    told = {"tools": [one for tool in tools for one in written(tool)]}
    told |= {"answers": [*answers()], "refused": REFUSED}
    said = iter(problems([one for some in told.values() for one in some]))
    return {name: [(*one, next(said)) for one in some] for name, some in told.items()}


Judgements = Mapping[str, list[tuple[str, Any, str]]]


def test_every_tool_of_real_servers_and_every_hostile_schema_is_accepted(
    judgements: Judgements,
) -> None:
    assert [one for one in judgements["tools"] if one[2]] == []
    kinds = [kind for kind, *_ in judgements["tools"]]
    assert min(kinds.count("openai_strict"), kinds.count("anthropic_strict")) > 60


def test_every_kind_of_result_is_accepted(judgements: Judgements) -> None:
    assert [one for one in judgements["answers"] if one[2]] == []
    kinds = {kind for kind, *_ in judgements["answers"]}
    assert kinds >= {"user message", "function message", "custom_tool_call_output"}


def test_the_judge_refuses_what_is_wrong(judgements: Judgements) -> None:
    assert [kind for kind, _, said in judgements["refused"] if not said] == []
