"""Which tool would fail where, and why: a model, its strict mode, a client with limits of its own.

An MCP client passes a server's schema on more or less as it is; one that its model refuses fails
the whole conversation. At `/v1/tools` the schemas are mended. Source: the vendors' own errors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcpgw.formats.keyword import Schema, implied_type, place, rebuilt, types_of
from mcpgw.formats.openapi import MAX_PARAMETER, MAX_SUMMARY
from mcpgw.formats.plain import Plain, plain
from mcpgw.formats.property_name import ANTHROPIC_NAMES, GEMINI_NAMES
from mcpgw.formats.reference import inlined
from mcpgw.formats.strict import ANTHROPIC_STRICT, OPENAI_STRICT, strict
from mcpgw.formats.tool import ToolSpec

EVERYWHERE = "every model"

STRICT = {"openai-strict": OPENAI_STRICT, "anthropic-strict": ANTHROPIC_STRICT}
"""Strict modes: a tool that cannot be strict works all the same."""

MOST_TOOLS = {
    "gpt-actions": 30,
    "cursor": 80,
    "windsurf": 100,
    "antigravity": 100,
    "vscode": 128,
    "openai": 128,
}
"""How many tools a client, or one request to a model, takes."""

CLAUDE_CODE_DESCRIPTION = 2048
"""Claude Code cuts longer descriptions."""

_COMBINED = ("anyOf", "oneOf", "allOf")
_REFUSED_BY_OPENAI = (*_COMBINED, "not", "enum")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would go wrong. `tool` is empty when it is about all of them together."""

    tool: str
    target: str
    problem: str


def findings(tools: Sequence[ToolSpec]) -> Sequence[Finding]:
    """Return what would go wrong with these tools, by tool in their order, then all together."""
    found = [Finding(tool.name, target, problem) for tool in tools for target, problem in _of(tool)]
    for target, most in MOST_TOOLS.items():
        if len(tools) > most:
            found.append(Finding("", target, f"{len(tools)} tools, and {most} are the most"))
    return found


def targets() -> Sequence[str]:
    """Return what tools are looked at for: models and clients. Strict modes are asked for apart."""
    return sorted({*_CHECKS, *MOST_TOOLS})


def _of(tool: ToolSpec) -> Iterator[tuple[str, str]]:
    """Return what would go wrong with one tool, and with whom."""
    given = plain(tool.input_schema)
    for note in given.notes:
        yield EVERYWHERE, note
    for target, check in _CHECKS.items():
        for problem in dict.fromkeys(check(tool, given)):
            yield target, problem
    for target, rules in STRICT.items():
        for reason in strict(tool.input_schema, rules).reasons:
            yield target, reason


def _openai(tool: ToolSpec, given: Plain) -> Iterator[str]:
    for keyword in _REFUSED_BY_OPENAI:
        if keyword in given.root:
            yield f"{keyword} at the top refuses the whole request"
    for where, schema in _everywhere(given):
        if "array" in types_of(schema) and not {"items", "prefixItems"} & schema.keys():
            yield f"{where}: a list that does not say of what refuses the whole request"


def _anthropic(tool: ToolSpec, given: Plain) -> Iterator[str]:
    for keyword in _COMBINED:
        if keyword in given.root:
            yield f"{keyword} at the top refuses the whole request, or hides the tool"
    for name in given.root.get("properties", ()):
        if not ANTHROPIC_NAMES.takes(name):
            yield f"the argument {name[:40]!r} refuses the whole request"


def _gemini(tool: ToolSpec, given: Plain) -> Iterator[str]:
    yield from inlined(given, keeps_recursion=False).notes[len(given.notes) :]
    for where, schema in _everywhere(given):
        properties = schema.get("properties", {})
        for name in properties:
            if not GEMINI_NAMES.takes(name):
                yield f"the argument {place(where, name)!r} may refuse the whole request"
        for name in schema.get("required", ()):
            if name not in properties:
                yield f"{place(where, name)}: required and not described refuses the request"
        if "array" in types_of(schema) and "items" not in schema:
            yield f"{where}: a list that does not say of what refuses the whole request"
        if not _says_type(schema):
            yield f"{where}: without a type Gemini CLI leaves the tool out"


def _says_type(schema: Schema) -> bool:
    return bool(types_of(schema) or implied_type(schema) or {"$ref", *_COMBINED} & schema.keys())


def _claude_code(tool: ToolSpec, given: Plain) -> Iterator[str]:
    if len(tool.description) > CLAUDE_CODE_DESCRIPTION:
        yield f"its description is cut after {CLAUDE_CODE_DESCRIPTION} characters"


def _gpt_actions(tool: ToolSpec, given: Plain) -> Iterator[str]:
    if len(tool.description) > MAX_SUMMARY:
        yield f"its description is longer than {MAX_SUMMARY} characters; use openapi.json?short=1"
    for where, schema in _everywhere(given):
        if len(schema.get("description", "")) > MAX_PARAMETER:
            yield f"{where}: its description is cut after {MAX_PARAMETER} characters"


_CHECKS: Mapping[str, Callable[[ToolSpec, Plain], Iterator[str]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "claude-code": _claude_code,
    "gpt-actions": _gpt_actions,
}


def _everywhere(given: Plain) -> Sequence[tuple[str, Schema]]:
    """Return every schema in a schema but its top, and where it stands."""
    found: list[tuple[str, Schema]] = []

    def visit(schema: Schema, where: str) -> Schema:
        found.append((where, schema))
        rebuilt(schema, visit, where)
        return schema

    rebuilt(given.root, visit)
    for name, schema in given.definitions.items():
        visit(schema, name)
    return found
