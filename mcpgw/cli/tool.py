"""`mcpgw tool list|class`: what the tools of a workspace do to the world."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.errors import InvalidInput
from mcpgw.model.token import OPERATOR
from mcpgw.model.tool_class import ToolClass

if TYPE_CHECKING:
    from mcpgw.gateway.tool import ToolSeen

tools = group("Tools: what each does to the world, and so who may call it.")

AUTO = "auto"
"""Takes a ruling back: the tool's annotations and its name decide again."""

KINDS = ", ".join(ToolClass)


@command(tools, "list", examples=["tool list", "tool list --class", "tool list --class write"])
async def list_tools(
    asked: Invocation,
    kind: Annotated[
        str | None, typer.Argument(metavar="[CLASS]", help=f"Only those classed so: {KINDS}.")
    ] = None,
    is_explained: Annotated[
        bool, typer.Option("--class", help="Say why each is classed as it is.")
    ] = False,
    server: Annotated[
        str, typer.Option("--server", metavar="NAME", help="Only those of one server.")
    ] = "",
) -> None:
    """List the tools of the workspace with their classes; asks the servers."""
    wanted = None if kind is None else _kind(kind)
    async with in_workspace(asked) as place:
        if server:
            await place.known_server(server)
        seen = [
            one
            for one in await place.gateway.tools.list(OPERATOR, place.slug)
            if wanted in (None, one.classed.kind) and server in ("", one.server)
        ]
    if asked.is_json:
        print_json([_described(one) for one in seen])
        return
    columns = ("NAME", "SERVER", "CLASS", "WHY")[: 4 if is_explained else 3]
    rows = [
        (one.exposed, one.server, one.classed.kind.value, one.classed.reason)[: len(columns)]
        for one in seen
    ]
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        say("no such tool; see: mcpgw server list, mcpgw doctor")


@command(tools, "class", examples=["tool class jira__query read", "tool class jira__query auto"])
async def set_class(
    asked: Invocation,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tool, as clients see it.")],
    kind: Annotated[str, typer.Argument(metavar="CLASS", help=f"{KINDS}, or auto.")],
) -> None:
    """Rule on what a tool does: readonly tokens see and call what is classed read.

    The ruling counts at the next request and stays with the server's own name of the tool; auto
    takes it back.
    """
    ruling = None if kind == AUTO else _kind(kind)
    async with in_workspace(asked) as place:
        seen = await place.gateway.tools.rule(OPERATOR, place.slug, name, ruling)
    if asked.is_json:
        print_json(_described(seen))
    say(f"{name} is classed {seen.classed.kind}: {seen.classed.reason}")


def _kind(text: str) -> ToolClass:
    try:
        return ToolClass(text)
    except ValueError:
        raise InvalidInput(f"no class {text[:40]!r}", f"use one of: {KINDS}") from None


def _described(seen: "ToolSeen") -> dict[str, Any]:
    return {
        "name": seen.exposed,
        "server": seen.server,
        "original": seen.name,
        "class": seen.classed.kind.value,
        "reason": seen.classed.reason,
    }
