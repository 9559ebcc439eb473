"""Tools, their classes, and how many of them a token sees."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from mcpgw.gateway.tool import ToolSeen, Visible
from mcpgw.model.tool_class import Classed, ToolClass
from mcpgw.web.wire.page import PageQuery


class ToolQuery(PageQuery, frozen=True, kw_only=True):
    """Which tools: of one server, of one class."""

    server: Annotated[str, Meta(max_length=64)] = ""
    kind: ToolClass | UnsetType = field(default=UNSET, name="class")


class NewRuling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tool does to the world, by an admin's word."""

    kind: ToolClass = field(name="class")


class Tool(Struct, frozen=True, kw_only=True):
    """A tool: its name as clients see it, `original` as its server calls it, its class, and why."""

    name: str
    server: str
    original: str
    kind: ToolClass = field(name="class")
    reason: str

    @classmethod
    def of(cls, seen: ToolSeen) -> "Tool":
        """Return what there is to tell of a record."""
        return cls(
            name=seen.exposed,
            server=seen.server,
            original=seen.name,
            kind=seen.classed.kind,
            reason=seen.classed.reason,
        )

    def seen(self) -> ToolSeen:
        """Return the record."""
        return ToolSeen(self.name, self.server, self.original, Classed(self.kind, self.reason))


class MissingServer(Struct, frozen=True, kw_only=True):
    """A server whose tools are missing, and why."""

    server: str
    problem: str


class VisibleTools(Struct, frozen=True, kw_only=True):
    """How many of a workspace's tools somebody sees; `absence` says why it is none."""

    tools: int
    all_tools: int
    absence: str
    problems: tuple[MissingServer, ...]

    @classmethod
    def of(cls, visible: Visible) -> "VisibleTools":
        """Return what there is to tell of a record."""
        problems = (MissingServer(server=name, problem=why) for name, why in visible.problems)
        return cls(
            tools=visible.tools,
            all_tools=visible.all_tools,
            absence=visible.absence,
            problems=tuple(problems),
        )

    def visible(self) -> Visible:
        """Return the record."""
        problems = tuple((one.server, one.problem) for one in self.problems)
        return Visible(self.tools, self.all_tools, self.absence, problems)
