"""Holds what the gateway writes against the types of the vendors' own packages.

Runs in an environment of its own. On stdin a JSON array of [kind, value]; on stdout what is wrong
with each, as a JSON array of texts, empty for nothing.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from anthropic.lib._parse._transform import transform_schema
from anthropic.types import ToolParam, ToolResultBlockParam
from google.genai import types as gemini
from openai.lib._pydantic import _ensure_strict_json_schema
from openai.types.chat import (
    ChatCompletionFunctionMessageParam,
    ChatCompletionFunctionToolParam,
    ChatCompletionToolMessageParam,
    ChatCompletionUserMessageParam,
)
from openai.types.responses import FunctionTool, FunctionToolParam, NamespaceToolParam
from openai.types.responses.response_custom_tool_call_output_param import (
    ResponseCustomToolCallOutputParam,
)
from openai.types.responses.response_input_item_param import FunctionCallOutput
from pydantic import TypeAdapter


def closed(kind: Any) -> Callable[[Any], str]:
    """Return what checks a value by a TypedDict; members that it does not know are wrong too."""
    adapter = TypeAdapter(kind)

    def check(value: Any) -> str:
        read = adapter.validate_python(value, strict=True, extra="forbid")
        # What pydantic iterates lazily it checks only then.
        adapter.dump_json(read, warnings="error")
        return ""

    return check


def responses_tool(value: Any) -> str:
    FunctionTool.model_validate(value, strict=True)
    return closed(FunctionToolParam)(value)


def namespace(value: Any) -> str:
    for tool in value["tools"]:
        FunctionTool.model_validate(tool, strict=True)
    return closed(NamespaceToolParam)(value)


def gemini_tool(value: Any) -> str:
    found = gemini.Tool.model_validate(value)
    for declaration in found.function_declarations or ():
        if declaration.parameters is not None:
            # Its own way to JSON Schema and back: what Gemini's Schema cannot hold would be lost.
            declaration.parameters.json_schema  # noqa: B018
    return ""


def openai_strict(schema: Any) -> str:
    written = json.dumps(schema, sort_keys=True)
    own = json.dumps(_ensure_strict_json_schema(schema, path=(), root=schema), sort_keys=True)
    return "" if own == written else "the SDK would make it stricter"


def anthropic_strict(schema: Any) -> str:
    """Compare with what the SDK makes of it; it spells enumerations without their type."""

    def bare(one: Any) -> Any:
        if isinstance(one, list):
            return [bare(item) for item in one]
        if not isinstance(one, dict):
            return one
        return {k: bare(v) for k, v in one.items() if not (k == "type" and "enum" in one)}

    own = transform_schema(json.loads(json.dumps(schema)))
    return "" if bare(own) == bare(schema) else "the SDK would write it otherwise"


CHECKS: dict[str, Callable[[Any], str]] = {
    "openai": closed(ChatCompletionFunctionToolParam),
    "openai-responses": responses_tool,
    "namespace": namespace,
    "anthropic": closed(ToolParam),
    "gemini": gemini_tool,
    "openai_strict": openai_strict,
    "anthropic_strict": anthropic_strict,
    "tool message": closed(ChatCompletionToolMessageParam),
    "function message": closed(ChatCompletionFunctionMessageParam),
    "user message": closed(ChatCompletionUserMessageParam),
    "function_call_output": closed(FunctionCallOutput),
    "custom_tool_call_output": closed(ResponseCustomToolCallOutputParam),
    "tool_result": closed(ToolResultBlockParam),
    "gemini part": lambda value: (gemini.Part.model_validate(value), "")[1],
}


def problem(kind: str, value: Any) -> str:
    try:
        return CHECKS[kind](value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:2000]


if __name__ == "__main__":
    json.dump([problem(kind, value) for kind, value in json.load(sys.stdin)], sys.stdout)
