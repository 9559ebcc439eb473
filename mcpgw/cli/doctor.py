"""`mcpgw doctor`: looks for what is wrong and says how to mend it. Changes nothing."""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mcpgw.cli.duration import from_now
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import FOUND_PROBLEMS, counted, print_json, print_table, say
from mcpgw.cli.place import in_gateway, now
from mcpgw.config import Config, base_environment
from mcpgw.errors import GatewayError, NotFound
from mcpgw.model.server import Server, StdioLaunch
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.gateway import Gateway

SAFE_SQLITE = (3, 51, 3)
"""Older ones can damage a database when a log is reset while another connection writes; mcpgw
avoids the situation, so this is for information."""

LEAST_FREE_BYTES = 256 << 20
"""Below this the journal may soon have no room, and nothing unrecorded is served."""


class Severity(StrEnum):
    """What a finding means."""

    PROBLEM = "problem"
    """Something does not work: exit code 7."""
    WARNING = "warning"
    """Something will not work, or is weaker than it could be."""
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing. `id` is stable, for scripts; `fix` says what to do."""

    id: str
    severity: Severity
    message: str
    fix: str


async def doctor(asked: Invocation) -> None:
    """Check the key, the files, the databases, every server and token; exit 7 on problems."""
    import sqlite3  # late: help and version need none

    config = asked.config()
    findings = [*check_sqlite(sqlite3.sqlite_version_info), *check_files(config)]
    if config.configuration_path.exists():
        findings += check_integrity(config)
    try:
        async with in_gateway(asked) as gateway:
            findings += await check_key(gateway)
            for seen in await gateway.workspaces.list(OPERATOR):
                slug = seen.workspace.slug
                findings += await check_tokens(gateway, slug)
                findings += await check_servers(gateway, slug)
    except NotFound as error:
        findings.append(Finding("data-missing", Severity.PROBLEM, error.message, error.hint))
    except GatewayError as error:
        findings.append(Finding("data-unusable", Severity.PROBLEM, error.message, error.hint))
    _report(asked, findings)


def check_sqlite(version: tuple[int, ...]) -> Iterator[Finding]:
    """Look at the version of SQLite."""
    if version < SAFE_SQLITE:
        yield Finding(
            "sqlite-old",
            Severity.INFO,
            f"SQLite is {'.'.join(map(str, version))}; 3.51.3 mends a rare fault of write-ahead"
            " logs, which mcpgw avoids",
            "update Python or SQLite when convenient",
        )


def check_files(config: Config, least_free_bytes: int = LEAST_FREE_BYTES) -> Iterator[Finding]:
    """Look at who can read the data directory, and at the room on its disk."""
    if not config.home.is_dir():
        return
    for path in (config.home, *sorted(config.home.iterdir())):
        yield from _check_mode(path)
    free_bytes = shutil.disk_usage(config.home).free
    if free_bytes < least_free_bytes:
        yield Finding(
            "disk-full",
            Severity.PROBLEM,
            f"only {free_bytes >> 20} MiB are free in {config.home}",
            "free some space: without room for the journal nothing is served",
        )


def check_integrity(config: Config) -> Iterator[Finding]:
    """Let SQLite look whether the databases are whole."""
    from mcpgw.bootstrap import check_databases  # late, as in place.py

    for name, problem in check_databases(config).items():
        if problem:
            yield Finding(
                "database-damaged",
                Severity.PROBLEM,
                f"{name}: {problem}",
                "stop mcpgw serve and put a backup in its place; do not delete the file",
            )


async def check_key(gateway: "Gateway") -> list[Finding]:
    """Open the vault."""
    try:
        await gateway.installation.unlock(OPERATOR)
    except GatewayError as error:
        return [Finding("key-unusable", Severity.PROBLEM, error.message, error.hint)]
    place = gateway.installation.key_whereabouts
    return [Finding("key-found", Severity.INFO, f"the master key opens: {place}", "")]


async def check_tokens(gateway: "Gateway", slug: str) -> list[Finding]:
    """Look for tokens that end soon."""
    moment = now()
    return [
        Finding(
            "token-expiring",
            Severity.WARNING,
            f"{seen.token.id} of {seen.token.member} in {slug} expires"
            f" {from_now(seen.token.expires_at, moment)}",
            f"mcpgw token issue -w {slug} --member {seen.token.member}",
        )
        for seen in await gateway.tokens.list(OPERATOR, slug)
        if seen.token.is_expiring(moment) and seen.token.expires_at is not None
    ]


async def check_servers(gateway: "Gateway", slug: str) -> list[Finding]:
    """Connect to every server that is on, side by side."""
    seen = await gateway.servers.list(OPERATOR, slug)
    enabled = [one.server for one in seen if one.server.is_enabled]
    found = await asyncio.gather(*(_check_server(gateway, slug, one) for one in enabled))
    return [finding for findings in found for finding in findings]


async def _check_server(gateway: "Gateway", slug: str, server: Server) -> list[Finding]:
    launch = server.launch
    if isinstance(launch, StdioLaunch):
        program = launch.command[0]
        if shutil.which(program, path=base_environment().get("PATH")) is None:
            return [
                Finding(
                    "program-missing",
                    Severity.PROBLEM,
                    f"{server.name} in {slug} needs {program}, which is not installed",
                    f"install {program}, or: mcpgw server disable {server.name} -w {slug}",
                )
            ]
    try:
        await gateway.servers.test(OPERATOR, slug, server.name)
    except GatewayError as error:
        message = f"{server.name} in {slug}: {error.message}"
        return [Finding("server-failing", Severity.PROBLEM, message, error.hint)]
    return []


def _check_mode(path: Path) -> Iterator[Finding]:
    status = os.lstat(path)
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077 and not stat.S_ISLNK(status.st_mode) and os.name == "posix":
        yield Finding(
            "mode-wide",
            Severity.PROBLEM,
            f"others can read or write {path} (mode {mode:04o})",
            f"chmod go-rwx {path}",
        )


def _report(asked: Invocation, findings: list[Finding]) -> None:
    problems = [one for one in findings if one.severity is Severity.PROBLEM]
    if asked.is_json:
        print_json([asdict(one) for one in findings])
    else:
        rows = [(one.id, one.severity.value, one.message, one.fix) for one in findings]
        columns = ("FINDING", "SEVERITY", "WHAT", "WHAT TO DO")
        print_table(columns, rows, is_colored=not asked.is_plain)
        say(f"{counted(len(problems), 'problem')} found")
    if problems:
        raise typer.Exit(FOUND_PROBLEMS)
