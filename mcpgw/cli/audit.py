"""`mcpgw logs` and `mcpgw logs show`: who called what, when, how long, how it ended."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from msgspec import structs

from mcpgw.cli.duration import parse_moment, parse_span, took
from mcpgw.cli.invocation import Invocation, command, group, own_command
from mcpgw.cli.output import (
    counted,
    iso,
    local,
    print_fields,
    print_json,
    print_table,
    say,
    tinted,
)
from mcpgw.cli.place import Place, in_workspace
from mcpgw.errors import InvalidInput
from mcpgw.model.audit import SUCCESSES, AuditEvent, CallFilter, Outcome
from mcpgw.model.token import OPERATOR

POLL_S = 0.5
"""How often a live view looks for new rows."""

BATCH = 1000
"""Rows that a live view takes at once."""

STATUSES = {
    **{outcome.value: (outcome,) for outcome in Outcome if outcome is not Outcome.RUNNING},
    "error": tuple(set(Outcome) - SUCCESSES),
}
"""What `--status` takes."""

TINTS = {
    Outcome.OK: "green",
    Outcome.CANCELLED: "blue",
    Outcome.DENIED: "yellow",
    Outcome.LIMITED: "yellow",
    Outcome.REVOKED: "yellow",
    Outcome.TOOL_ERROR: "red",
    Outcome.UPSTREAM_ERROR: "red",
    Outcome.TIMEOUT: "red",
    Outcome.WITHHELD: "magenta",
    Outcome.UNKNOWN_CRASH: "magenta",
}
"""The colors of a live view."""

COLUMNS = ("CALL", "TIME", "MEMBER", "TOOL", "STATUS", "TOOK")

logs = group("The journal of calls.")


@own_command(
    logs,
    examples=[
        "logs --tool jira --since 7d --status error",
        "logs -f",
        "logs show call_0123456789abcdef012",
    ],
)
async def find(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    tool: Annotated[
        str, typer.Option("--tool", metavar="TEXT", help="Part or glob of a tool or server.")
    ] = "",
    member: Annotated[str, typer.Option("--member", metavar="NAME", help="Whose calls.")] = "",
    server: Annotated[str, typer.Option("--server", metavar="NAME", help="To which server.")] = "",
    status: Annotated[
        str, typer.Option("--status", metavar="WORD", help=f"One of: {', '.join(STATUSES)}.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="7d, 24h, 2026-11-01, 2026-11-01T10:00Z.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="As --since.")] = "",
    slower_than: Annotated[
        str, typer.Option("--slower-than", metavar="SPAN", help="2s, 500ms.")
    ] = "",
    newest: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many.")] = 100,
    is_followed: Annotated[bool, typer.Option("-f", help="Go on as calls are made.")] = False,
) -> None:
    """Show the calls of a workspace, newest last; never what they carried."""
    if status and status not in STATUSES:
        raise InvalidInput(f"no status {status[:40]!r}", f"use one of: {', '.join(STATUSES)}")
    slower_than_us = (
        round(parse_span(slower_than, "--slower-than", "2s") * 1e6) if slower_than else None
    )
    async with in_workspace(asked) as place:
        wanted = CallFilter(
            target=tool,
            server=server,
            member=member,
            outcomes=STATUSES.get(status, ()),
            since=parse_moment(since, place.now, "--since") if since else None,
            until=parse_moment(until, place.now, "--until") if until else None,
            slower_than_us=slower_than_us,
            newest=newest,
        )
        if is_followed:
            await _follow(asked, place, wanted)
            return
        found = await _find(place, wanted)
    _print(asked, place, [event for _, event in found])
    if not found:
        say("no call matches")
    elif tool:
        say(matched(tool, [event for _, event in found]))


@command(logs, "show")
async def show(
    asked: Invocation,
    call_id: Annotated[str, typer.Argument(metavar="CALL", help="The call's id.")],
) -> None:
    """Show everything that the journal says of one call."""
    async with in_workspace(asked) as place:
        event = await place.gateway.audit.show(OPERATOR, place.slug, call_id)
    if asked.is_json:
        print_json(described(event, place.slug))
        return
    print_fields(told(event))


def told(event: AuditEvent) -> Iterator[tuple[str, str]]:
    """Tell the story of a call, line by line."""
    role = f", {event.role}" if event.role else ""
    yield "call", event.call_id
    yield "who", f"{event.member} ({event.token_id or 'at the box'}{role})"
    yield "with", " ".join(filter(None, (event.client_name, event.client_version))) or "unknown"
    way = (event.surface, event.era, event.protocol_version)
    yield "from", ", ".join(filter(None, (event.client_address, *way)))
    target = f" -> {event.original} on {event.server}" if event.server else ""
    yield "what", f"{event.method} {event.exposed}{target}"
    yield "when", local(event.started_at)
    if event.outcome is Outcome.RUNNING:
        yield "outcome", "under way: its server has been asked, and there is no answer yet"
        return
    yield "outcome", " ".join(filter(None, (event.outcome.value, event.error_class)))
    if event.upstream_status:
        yield "server said", f"HTTP {event.upstream_status}"
    yield "took", took(event.duration_us)
    yield "of that", f"{took(event.upstream_us)} at the server, {took(event.gateway_us)} in mcpgw"
    if event.restarts or event.retries:
        starts, retries = counted(event.restarts, "start"), counted(event.retries, "retry")
        yield "for it", f"{starts} of the server, {retries.replace('retrys', 'retries')}"
    yield "sent", _sized(event.request_bytes, event.arguments_fingerprint)
    yield "got", _sized(event.result_bytes, event.result_fingerprint)
    if event.redactions:
        yield "redacted", counted(event.redactions, "secret")


def _sized(size: int, fingerprint: str) -> str:
    text = counted(size, "byte")
    return f"{text}, fingerprint {fingerprint}" if fingerprint else text


def print_calls(events: Sequence[AuditEvent], *, is_colored: bool) -> None:
    """Print rows of the journal as a table."""
    print_table(COLUMNS, map(_row, events), is_colored=is_colored)


def matched(tool: str, events: Sequence[AuditEvent]) -> str:
    """Say which tools the text of `--tool` meant in what was found."""
    by_server: dict[str, set[str]] = {}
    for event in events:
        by_server.setdefault(event.server, set()).add(event.exposed)
    parts = [
        f"{counted(len(tools), 'tool')} on {f'server {server}' if server else 'no server'}"
        for server, tools in by_server.items()
    ]
    return f"--tool {tool} matched {', '.join(parts)}"


async def _find(place: Place, wanted: CallFilter) -> Sequence[tuple[int, AuditEvent]]:
    return await place.gateway.audit.find(OPERATOR, place.slug, wanted)


async def _follow(asked: Invocation, place: Place, wanted: CallFilter) -> None:
    """Print what is there, then every new row, until Ctrl-C."""
    newest = await _find(place, CallFilter(newest=1))
    found = await _find(place, wanted)
    last = max((rowid for rowid, _ in (*newest, *found)), default=0)
    if wanted.target and found:
        say(matched(wanted.target, [event for _, event in found]))
    _print_lines(asked, place, [event for _, event in found])
    while True:
        await asyncio.sleep(POLL_S)
        found = await _find(place, replace(wanted, after_rowid=last, newest=BATCH))
        if found:
            last = found[-1][0]
            _print_lines(asked, place, [event for _, event in found])


def _print(asked: Invocation, place: Place, events: Sequence[AuditEvent]) -> None:
    if asked.is_json:
        print_json([described(event, place.slug) for event in events])
    else:
        print_calls(events, is_colored=not asked.is_plain)


def _print_lines(asked: Invocation, place: Place, events: Sequence[AuditEvent]) -> None:
    """Print rows one by one: those to come are not known yet, so nothing can be aligned."""
    for event in events:
        if asked.is_json:
            print_json(described(event, place.slug))
        else:
            *cells, status, duration = _row(event)
            status = tinted(status, TINTS.get(event.outcome, ""), is_colored=not asked.is_plain)
            print("  ".join((*cells, status, duration)), flush=True)


def _row(event: AuditEvent) -> tuple[str, ...]:
    return (
        event.call_id,
        local(event.started_at),
        event.member,
        event.exposed or event.method,
        event.outcome.value,
        took(event.duration_us),
    )


def described(event: AuditEvent, slug: str) -> dict[str, Any]:
    """Return a call as JSON has it; its workspace by name."""
    fields = structs.asdict(event)
    del fields["workspace_id"]
    return fields | {
        "workspace": slug,
        "started_at": iso(event.started_at),
        "outcome": event.outcome.value,
    }
