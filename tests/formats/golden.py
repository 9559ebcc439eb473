"""The golden files of tests/golden/formats: what goes in by hand, what comes out as it was judged.

`python -m tests.formats.golden` writes the latter anew; read the difference before it is committed.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mcpgw.formats.answer import Done, Taste, answer, operation_answer
from mcpgw.formats.call import CallSet, FunctionCall
from mcpgw.formats.family import Family, Strictness
from mcpgw.formats.listing import Wish, listed
from mcpgw.formats.tool import ToolSpec, read_tool
from mcpgw.model.tool_class import ToolClass

PLACE = Path(__file__).parents[1] / "golden" / "formats"

WISHES: Mapping[str, Wish] = {
    "openai": Wish(Family.OPENAI),
    "openai-strict": Wish(Family.OPENAI, Strictness.WHERE_POSSIBLE),
    "openai-responses": Wish(Family.RESPONSES, has_output=True, is_grouped=True),
    "anthropic": Wish(Family.ANTHROPIC, has_hints=True),
    "anthropic-strict": Wish(Family.ANTHROPIC, Strictness.WHERE_POSSIBLE),
    "gemini": Wish(Family.GEMINI, has_output=True),
    "gemini-openapi": Wish(Family.GEMINI, is_openapi=True),
}

FAMILIES: Mapping[str, tuple[CallSet, Taste]] = {
    "openai": (CallSet(Family.OPENAI, ()), Taste()),
    "openai-images": (CallSet(Family.OPENAI, ()), Taste(has_image_message=True)),
    "openai-old": (CallSet(Family.OPENAI, (), is_old=True), Taste()),
    "openai-responses": (CallSet(Family.RESPONSES, ()), Taste()),
    "anthropic": (CallSet(Family.ANTHROPIC, ()), Taste()),
    "anthropic-structured": (CallSet(Family.ANTHROPIC, ()), Taste(prefers_structured=True)),
    "gemini": (CallSet(Family.GEMINI, ()), Taste()),
    "mcp": (CallSet(Family.MCP, ()), Taste()),
}


def read(name: str) -> Any:
    """Return what is in a golden file."""
    return json.loads((PLACE / f"{name}.json").read_text("utf-8"))


def tools() -> Sequence[ToolSpec]:
    """Return the tools of the real servers."""
    return [
        read_tool(json.dumps(one).encode(), one["name"].partition("__")[0], ToolClass.READ)
        for one in read("tools")
    ]


def done() -> Sequence[Done]:
    """Return the outcomes of calls, one for each kind of result."""
    outcomes = []
    for one in read("results"):
        result = msgspec.json.encode(one["result"]) if "result" in one else b""
        questions = msgspec.json.encode(one["questions"]) if "questions" in one else b""
        outcomes.append(
            Done(
                FunctionCall(f"id-{one['name']}", one["name"], b"{}", one.get("is_custom", False)),
                result,
                one.get("code", ""),
                one.get("problem", ""),
                "srv",
                12,
                one.get("has_output", False),
                questions,
            )
        )
    return outcomes


def written() -> Mapping[str, Any]:
    """Return what the code makes of it all, by golden file."""
    found: dict[str, Any] = {}
    for name, wish in WISHES.items():
        shown = listed(tools(), wish)
        found[f"tools.{name}"] = {"tools": shown.tools, "lax": shown.lax, "notes": shown.notes}
    for name, (calls, taste) in FAMILIES.items():
        found[f"results.{name}"] = answer(calls, done(), taste)
    found["results.operation"] = [operation_answer(one, Taste(), has_media=True) for one in done()]
    return {name: json.loads(msgspec.json.encode(value)) for name, value in found.items()}


if __name__ == "__main__":
    for name, value in written().items():
        text = json.dumps(value, indent=1, ensure_ascii=False)
        (PLACE / f"{name}.json").write_text(f"{text}\n", "utf-8")
