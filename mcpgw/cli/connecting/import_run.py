"""One run of `import`: find, show, ask, take over, replace, say what is left to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from mcpgw.cli.connecting.connections import Connections
from mcpgw.cli.connecting.keeping import keep_token
from mcpgw.cli.connecting.machine import bridge_command
from mcpgw.cli.connecting.plan import Plan, carry_out, plan_connect, plan_take_out
from mcpgw.cli.connecting.source import Source, gather
from mcpgw.cli.connecting.taking import (
    Candidate,
    Outcome,
    candidate_of,
    candidates,
    entries,
    take_over,
)
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import TOOL_FAILED, counted, print_json, print_table, say
from mcpgw.cli.place import Place, in_workspace
from mcpgw.cli.prompt import agree, is_terminal
from mcpgw.cli.workspace_url import url_of
from mcpgw.client_configs.app import TokenPlace
from mcpgw.client_configs.entry import token_place
from mcpgw.client_configs.found import Found
from mcpgw.client_configs.name import ENTRY
from mcpgw.client_configs.shape import Target
from mcpgw.errors import GatewayError, InvalidInput
from mcpgw.model.token import OPERATOR


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What was asked for."""

    is_replacing: bool = False
    is_dry: bool = False
    is_untried: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One entry of a file and what became of it; `name` is the server's, empty when it has none."""

    source: Source
    found: Found
    name: str
    outcome: Outcome


async def run_import(
    asked: Invocation, paths: Sequence[Path], client: str | None, options: ImportOptions
) -> None:
    """Take over the servers of clients.

    Raises:
        NotFound: there is nothing to read.
        InvalidInput: a named file is broken, or nobody agreed.
        VaultLocked: the master key is not here; nothing was changed.
        StorageError: something cannot be read or written.
    """
    written = Connections(asked.config().state_directory).all()
    sources = gather(paths, client, {one.url for one in written})
    async with in_workspace(asked) as place:
        present = await place.gateway.servers.list(OPERATOR, place.slug)
        known = candidates(sources, present)
        _show(asked, sources, known)
        outcomes: dict[str, Outcome] = {}
        if known and not options.is_dry:
            _agree(place, known, options)
            await place.gateway.installation.unlock(OPERATOR)
            for candidate in known:
                say(f"{candidate.name} ...")
                outcomes[candidate.name] = await take_over(
                    place, candidate, is_tried=not options.is_untried
                )
    results = [_result(source, found, known, outcomes) for source, found in entries(sources)]
    copies = []
    if options.is_replacing and not options.is_dry:
        copies = _replace(asked, sources, results, url_of(asked, place.slug))
    _report(asked, place, results, copies, options)
    if any(result.outcome.status == "failed" for result in results):
        raise typer.Exit(TOOL_FAILED)


def _agree(place: Place, known: Sequence[Candidate], options: ImportOptions) -> None:
    """Let a person say yes: their commands will be run, their files perhaps changed.

    Raises:
        InvalidInput: they said no, or nobody is there.
    """
    what = f"add {counted(len(known), 'server')} to {place.slug}"
    what += " and change the files" if options.is_replacing else ""
    if not options.is_confirmed and not is_terminal():
        raise InvalidInput(f"nobody can be asked whether to {what}", "add --yes, or --dry-run")
    agree(f"{what}?", options.is_confirmed)


def _result(
    source: Source, found: Found, known: Sequence[Candidate], outcomes: dict[str, Outcome]
) -> Result:
    candidate = candidate_of(found, known)
    if candidate is None:
        status = "own" if found.is_own else "refused"
        return Result(source, found, "", Outcome(status, found.read.refusal))
    planned = Outcome("there" if candidate.is_there else "new")
    return Result(source, found, candidate.name, outcomes.get(candidate.name, planned))


def _show(asked: Invocation, sources: Sequence[Source], known: Sequence[Candidate]) -> None:
    """Show what was found, and what was decided about each value; never a value."""
    if asked.is_json:
        return
    found, decided = [], []
    for source, entry in entries(sources):
        candidate = candidate_of(entry, known)
        becomes = f"-> {candidate.name}" if candidate else f"stays: {entry.read.refusal}"
        found.append((entry.name, source.title, becomes))
        for one in entry.read.decisions:
            decision = "secret" if one.is_secret else "plain"
            decided.append((entry.name, source.title, one.where, decision, one.why))
    is_colored = not asked.is_plain
    print_table(("SERVER", "FROM", "BECOMES"), found, is_colored=is_colored)
    if decided:
        print()
        columns = ("SERVER", "FROM", "VALUE", "TAKEN FOR", "BECAUSE")
        print_table(columns, decided, is_colored=is_colored)


def _replace(
    asked: Invocation, sources: Sequence[Source], results: Sequence[Result], url: str
) -> list[tuple[Source, Path | None]]:
    """Put the gateway in the place of what was taken over; return the copies of the files."""
    directory = asked.config().state_directory
    known = Connections(directory)
    copies = []
    for source in sources:
        gone = [
            result.found.position
            for result in results
            if result.source is source and result.outcome.is_taken
        ]
        if not gone:
            continue
        try:
            target = Target(url, ENTRY, bridge_command(source.scope))
            plan = _plan(source, target, known, gone)
            copies.append((source, carry_out(plan, known, directory)))
        except GatewayError as error:
            say(f"{source.file.path} stays as it is: {error.message}")
            continue
        if source.app and token_place(source.app, target) is TokenPlace.KEYRING:
            left = keep_token(url, asked.config().token)
            say(f"next: {left}" if left else "")
    return copies


def _plan(source: Source, target: Target, known: Connections, gone: Sequence[Any]) -> Plan:
    if source.app is None:
        raise InvalidInput("nothing says whose file it is; add --client CLIENT")
    if any(found.is_own for found in source.found):
        return plan_take_out(source.app, source.file, gone)
    return plan_connect(source.app, source.scope, source.file, target, known, gone)


def _report(
    asked: Invocation,
    place: Place,
    results: Sequence[Result],
    copies: Sequence[tuple[Source, Path | None]],
    options: ImportOptions,
) -> None:
    if asked.is_json:
        print_json([_described(result) for result in results])
    said = set()
    for result in results:
        outcome, name = result.outcome, result.name
        if not name or name in said or options.is_dry:
            continue
        said.add(name)
        say(f"{outcome.status}: {name}{': ' + outcome.reason if outcome.reason else ''}")
        for secret in outcome.missing:
            say(f"next: mcpgw secret set {name} {secret} -w {place.slug}")
    for source, copy in copies:
        say(f"{source.title} has the gateway instead: {source.file.path}")
        say(f"the file as it was, credentials included: {copy}; delete it when all works")
    if options.is_dry:
        say("nothing was written")


def _described(result: Result) -> dict[str, Any]:
    read = result.found.read
    return {
        "name": result.found.name,
        "client": result.source.app.key if result.source.app else None,
        "path": str(result.source.file.path),
        "server": result.name or None,
        "status": result.outcome.status,
        "reason": result.outcome.reason or None,
        "secrets": list(read.secrets),
        "missing_secrets": list(result.outcome.missing),
        "decisions": [
            {"value": one.where, "is_secret": one.is_secret, "why": one.why}
            for one in read.decisions
        ],
    }
