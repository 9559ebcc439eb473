"""`mcpgw logs`, `mcpgw logs show`: who called what, how it ended, how long; who changed what."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import typer
from msgspec import structs

from mcpgw.cli.act import act_row, described_act, find_acts, told_act
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
from mcpgw.model.act import ActFilter, ActSeen, read_act_id
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

ACT_TINT = "blue"

Entry = AuditEvent | ActSeen


class Sort(StrEnum):
    """What can be shown alone."""

    CALLS = "calls"
    ACTS = "acts"


class View:
    """Calls and acts together, in the order of time."""

    def __init__(self, wanted: CallFilter, *, has_calls: bool, has_acts: bool) -> None:
        self.wanted = wanted
        self._has_calls = has_calls
        self._has_acts = has_acts
        self._last_rowid = 0
        self._last_seq = 0

    async def newest(self, place: Place) -> Sequence[Entry]:
        """Return the newest that match."""
        # The heads come first: what is recorded meanwhile is found here, or followed.
        await self._find(place, CallFilter(newest=1), ActFilter(newest=1))
        wanted = self.wanted
        of_acts = ActFilter(
            member=wanted.member, since=wanted.since, until=wanted.until, newest=wanted.newest
        )
        return (await self._find(place, wanted, of_acts))[-wanted.newest :]

    async def following(self, place: Place) -> Sequence[Entry]:
        """Return what matches and was recorded since the last look."""
        return await self._find(
            place,
            replace(self.wanted, after_rowid=self._last_rowid, newest=BATCH),
            ActFilter(member=self.wanted.member, after_seq=self._last_seq, newest=BATCH),
        )

    async def _find(self, place: Place, calls: CallFilter, acts: ActFilter) -> Sequence[Entry]:
        entries: list[Entry] = []
        if self._has_calls:
            for rowid, event in await place.gateway.audit.find(OPERATOR, place.slug, calls):
                self._last_rowid = max(self._last_rowid, rowid)
                entries.append(event)
        if self._has_acts:
            for seen in await find_acts(place, acts):
                self._last_seq = max(self._last_seq, seen.seq)
                entries.append(seen)
        return sorted(entries, key=_moment)


logs = group("The journal: calls, and what admins did.")


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
    only: Annotated[
        Sort | None, typer.Option("--only", help="By default both, unless a filter is for calls.")
    ] = None,
) -> None:
    """Show the calls of a workspace and what its admins did, newest last; never a payload."""
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
        has_acts = only is not Sort.CALLS and not (tool or server or status or slower_than)
        view = View(wanted, has_calls=only is not Sort.ACTS, has_acts=has_acts)
        if is_followed:
            await _follow(asked, place, view)
            return
        found = await view.newest(place)
    _print(asked, place, found)
    if not found:
        say("nothing matches" if has_acts else "no call matches")
    elif tool:
        say(matched(tool, _calls(found)))


@command(logs, "show")
async def show(
    asked: Invocation,
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Of the call, or of the act.")],
) -> None:
    """Show everything that the journal says of one call, or of what an admin did."""
    async with in_workspace(asked) as place:
        audit, slug = place.gateway.audit, place.slug
        entry: Entry
        if read_act_id(entry_id) is None:
            entry = await audit.show(OPERATOR, slug, entry_id)
        else:
            entry = await audit.act(OPERATOR, slug, entry_id)
    if asked.is_json:
        print_json(_described(entry, slug))
        return
    print_fields(told_act(entry) if isinstance(entry, ActSeen) else told(entry))


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


async def _follow(asked: Invocation, place: Place, view: View) -> None:
    """Print what is there, then whatever comes, until Ctrl-C."""
    found = await view.newest(place)
    calls = _calls(found)
    if view.wanted.target and calls:
        say(matched(view.wanted.target, calls))
    _print_lines(asked, place, found)
    while True:
        await asyncio.sleep(POLL_S)
        _print_lines(asked, place, await view.following(place))


def _print(asked: Invocation, place: Place, entries: Sequence[Entry]) -> None:
    if asked.is_json:
        print_json([_described(entry, place.slug) for entry in entries])
    else:
        print_table(COLUMNS, map(_row, entries), is_colored=not asked.is_plain)


def _print_lines(asked: Invocation, place: Place, entries: Sequence[Entry]) -> None:
    """Print rows one by one: those to come are not known yet, so nothing can be aligned."""
    for entry in entries:
        if asked.is_json:
            print_json(_described(entry, place.slug))
            continue
        *cells, status, duration = _row(entry)
        tint = ACT_TINT if isinstance(entry, ActSeen) else TINTS.get(entry.outcome, "")
        status = tinted(status, tint, is_colored=not asked.is_plain)
        print("  ".join((*cells, status, duration)).rstrip(), flush=True)


def _calls(entries: Sequence[Entry]) -> list[AuditEvent]:
    return [entry for entry in entries if isinstance(entry, AuditEvent)]


def _moment(entry: Entry) -> float:
    return entry.at if isinstance(entry, ActSeen) else entry.started_at


def _row(entry: Entry) -> tuple[str, ...]:
    if isinstance(entry, ActSeen):
        return act_row(entry)
    return (
        entry.call_id,
        local(entry.started_at),
        entry.member,
        entry.exposed or entry.method,
        entry.outcome.value,
        took(entry.duration_us),
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


def _described(entry: Entry, slug: str) -> dict[str, Any]:
    """Return a call or an act; `type` says which of them it is."""
    if isinstance(entry, ActSeen):
        return {"type": "act"} | described_act(entry, slug)
    return {"type": "call"} | described(entry, slug)
