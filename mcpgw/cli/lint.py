"""`mcpgw tool lint`: which tool would fail with which model or client, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import FOUND_PROBLEMS, counted, print_json, print_table, say
from mcpgw.cli.place import Place, in_workspace, missing
from mcpgw.errors import InvalidInput
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.formats.lint import Finding
    from mcpgw.formats.tool import ToolSpec
    from mcpgw.gateway.function import Visible

EXAMPLES = [
    "tool lint",
    "tool lint --for gemini --for openai-strict",
    "tool lint jira__search --server jira",
]

ALL_TOOLS = "(all together)"


async def lint(
    asked: Invocation,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TOOL]...", help="Only these tools.")
    ] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Option("--for", metavar="TARGET", help="Only this model or client (repeatable)."),
    ] = None,
    server: Annotated[
        str, typer.Option("--server", metavar="NAME", help="Only the tools of one server.")
    ] = "",
) -> None:
    """Say which tool would fail with which model or client, and why; asks the servers.

    A model that is given a schema which it does not take refuses everything that it was asked with
    it. At /v1/tools and in openapi.json the schemas are mended; over MCP they pass as the server
    wrote them. Strict modes are looked at when they are named. Exit code 7 when something is found.
    """
    # Late: help must not wait for it.
    from mcpgw.formats.lint import EVERYWHERE, STRICT, Finding, findings, targets

    known = [*targets(), *STRICT]
    for target in wanted or ():
        if target not in known:
            raise InvalidInput(f"no target {target[:40]!r}", f"use some of: {', '.join(known)}")
    async with in_workspace(asked) as place:
        if server:
            await place.known_server(server)
        tools, unreadable = (await _visible(place)).read()
    chosen = _chosen(tools, names or [], server)
    found = [Finding(name, EVERYWHERE, reason) for name, reason in unreadable]
    aims = {*(wanted or targets()), EVERYWHERE}
    found += [one for one in findings(chosen) if one.target in aims]
    _print(asked, found)
    say(f"{counted(len(chosen), 'tool')} looked at, {counted(len(found), 'problem')} found")
    if found:
        raise typer.Exit(FOUND_PROBLEMS)


async def _visible(place: Place) -> "Visible":
    """Return the tools of the workspace."""
    from mcpgw.gateway.gateway import Gateway  # late, as above

    gateway = place.gateway
    if not isinstance(gateway, Gateway):
        from mcpgw.cli.remote.function import visible

        return await visible(gateway)
    await gateway.installation.unlock(OPERATOR)
    return await gateway.functions.tools(await gateway.access.admit(OPERATOR, place.slug))


def _chosen(tools: "Sequence[ToolSpec]", names: Sequence[str], server: str) -> "Sequence[ToolSpec]":
    """Return the tools that are asked about."""
    known = {tool.name: tool for tool in tools}
    for name in names:
        if name not in known:
            raise missing("tool", name, known)
    return [
        tool for tool in tools if (not names or tool.name in names) and server in ("", tool.server)
    ]


def _print(asked: Invocation, found: "Sequence[Finding]") -> None:
    if asked.is_json:
        print_json([{"tool": f.tool, "target": f.target, "problem": f.problem} for f in found])
    elif found:
        rows = [(one.tool or ALL_TOOLS, one.target, one.problem) for one in found]
        print_table(("TOOL", "FOR", "PROBLEM"), rows, is_colored=not asked.is_plain)
