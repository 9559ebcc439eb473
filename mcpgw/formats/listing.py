"""Tools out: what a model's request says of the tools that it may call."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from mcpgw.formats.dialect import Dialect, narrowed
from mcpgw.formats.family import Family, Strictness
from mcpgw.formats.keyword import Schema, rebuilt
from mcpgw.formats.strict import ANTHROPIC_STRICT, OPENAI_STRICT, strict
from mcpgw.formats.tool import ToolSpec

MAX_STRICT_TOOLS, MAX_OPTIONAL, MAX_UNIONS = 20, 24, 16
"""What Anthropic takes of strict tools in one request: tools, optional arguments and unions."""

Tool = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """How a caller wants the tools.

    `is_openapi` asks for Gemini's older way to describe arguments. `has_output` announces what a
    tool returns, where a vendor has a place for it.
    """

    family: Family
    strictness: Strictness = Strictness.NEVER
    has_hints: bool = False
    has_output: bool = False
    is_openapi: bool = False
    is_grouped: bool = False
    """By server, as the Responses API has it."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be known of one tool."""

    name: str
    reason: str


@dataclass(slots=True)
class Listed:
    """The tools in a vendor's terms.

    `notes` say what a model is not told of a schema, `lax` which tools are not strict and why.
    """

    tools: list[Tool] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    lax: list[Note] = field(default_factory=list)


def listed(tools: Iterable[ToolSpec], wish: Wish) -> Listed:
    """Return tools as a caller wants them, in the order given."""
    writer = _Writer(wish)
    written = [(tool.server, writer.write(tool)) for tool in tools]
    shown = writer.found
    if wish.family is Family.GEMINI:
        shown.tools = [{"functionDeclarations": [one for _, one in written]}] if written else []
    elif wish.family is Family.RESPONSES and wish.is_grouped:
        shown.tools = _grouped(written)
    else:
        shown.tools = [one for _, one in written]
    return shown


@dataclass(slots=True)
class _Writer:
    """Writes one request's tools, and counts what a vendor takes in one request."""

    wish: Wish
    found: Listed = field(default_factory=Listed)
    _strict_tools: int = 0
    _optional: int = 0
    _unions: int = 0

    def write(self, tool: ToolSpec) -> Tool:
        """Return one tool in the family's shape."""
        return _SHAPES[self.wish.family](self, tool)

    def openai(self, tool: ToolSpec) -> Tool:
        schema, is_strict = self._schema(tool, Dialect.OPENAI)
        about = self._about(tool)
        function = {**about, "parameters": schema, "strict": is_strict}
        return {"type": "function", "function": function}

    def responses(self, tool: ToolSpec) -> Tool:
        schema, is_strict = self._schema(tool, Dialect.OPENAI)
        shown = {
            "type": "function",
            **self._about(tool),
            "parameters": schema,
            "strict": is_strict,
        }
        if self.wish.has_output and tool.output_schema is not None:
            shown["output_schema"] = narrowed(tool.output_schema, Dialect.OPENAPI).schema
        return shown

    def anthropic(self, tool: ToolSpec) -> Tool:
        schema, is_strict = self._schema(tool, Dialect.ANTHROPIC)
        return {**self._about(tool), "input_schema": schema, "strict": is_strict}

    def gemini(self, tool: ToolSpec) -> Tool:
        if self.wish.strictness is not Strictness.NEVER:
            self.found.lax.append(Note(tool.name, "Gemini has no strict mode for tools"))
        dialect = Dialect.GEMINI_OPENAPI if self.wish.is_openapi else Dialect.GEMINI
        schema = self._narrowed(tool, dialect)
        shown = self._about(tool)
        if not self.wish.is_openapi:
            shown["parametersJsonSchema"] = schema
        elif "properties" in schema:
            shown["parameters"] = schema
        if self.wish.has_output and tool.output_schema is not None and not self.wish.is_openapi:
            shown["responseJsonSchema"] = narrowed(tool.output_schema, Dialect.GEMINI).schema
        return shown

    def mcp(self, tool: ToolSpec) -> Tool:
        return {**tool.members, "x-mcpgw": {"server": tool.server, "class": tool.kind}}

    def _about(self, tool: ToolSpec) -> Tool:
        description = tool.description or tool.title
        if self.wish.has_hints and tool.hint:
            description = f"{description} {tool.hint}".strip()
        return {"name": tool.name, **({"description": description} if description else {})}

    def _schema(self, tool: ToolSpec, dialect: Dialect) -> tuple[Schema, bool]:
        """Return a tool's schema, and whether it is a strict one."""
        if self.wish.strictness is Strictness.NEVER:
            return self._narrowed(tool, dialect), False
        rules = OPENAI_STRICT if dialect is Dialect.OPENAI else ANTHROPIC_STRICT
        found = strict(tool.input_schema, rules)
        reasons = found.reasons or self._no_room(found.schema, dialect)
        if not reasons:
            return found.schema, True
        self.found.lax.append(Note(tool.name, "; ".join(reasons)))
        return self._narrowed(tool, dialect), False

    def _narrowed(self, tool: ToolSpec, dialect: Dialect) -> Schema:
        found = narrowed(tool.input_schema, dialect)
        self.found.notes += [Note(tool.name, note) for note in found.notes]
        return found.schema

    def _no_room(self, schema: Schema, dialect: Dialect) -> Sequence[str]:
        """Return why a vendor takes no more strict tools; counts the tool when it does."""
        if dialect is not Dialect.ANTHROPIC:
            return ()
        optional, unions = _open_choices(schema)
        counts = (
            (self._strict_tools + 1, MAX_STRICT_TOOLS, "strict tools"),
            (self._optional + optional, MAX_OPTIONAL, "optional arguments in strict tools"),
            (self._unions + unions, MAX_UNIONS, "unions in strict tools"),
        )
        over = [f"more than {most} {what}" for count, most, what in counts if count > most]
        if not over:
            self._strict_tools, self._optional, self._unions = (count for count, _, _ in counts)
        return over


_SHAPES: Mapping[Family, Callable[[_Writer, ToolSpec], Tool]] = {
    Family.OPENAI: _Writer.openai,
    Family.RESPONSES: _Writer.responses,
    Family.ANTHROPIC: _Writer.anthropic,
    Family.GEMINI: _Writer.gemini,
    Family.MCP: _Writer.mcp,
}


def _grouped(written: Sequence[tuple[str, Tool]]) -> list[Tool]:
    """Return tools grouped by server; their names stay whole, so nothing is lost with the group."""
    ordered = sorted(written, key=lambda one: one[0])
    return [
        {
            "type": "namespace",
            "name": server,
            "description": f"The tools of {server}.",
            "tools": [tool for _, tool in mine],
        }
        for server, mine in groupby(ordered, key=lambda one: one[0])
    ]


def _open_choices(schema: Schema) -> tuple[int, int]:
    """Count the optional arguments and the unions in a strict schema."""
    optional = len(schema.get("properties", ())) - len(schema.get("required", ()))
    unions = int("anyOf" in schema or isinstance(schema.get("type"), list))

    def visit(one: Schema, where: str) -> Schema:
        nonlocal optional, unions
        more = _open_choices(one)
        optional, unions = optional + more[0], unions + more[1]
        return one

    rebuilt(schema, visit)
    return optional, unions
