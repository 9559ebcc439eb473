"""Journals with many rows, made at once: calls of some members to some servers, over some time."""

import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from itertools import islice
from pathlib import Path

from mcpgw.config import Config
from mcpgw.model.audit import CallEnd, Caller, CallStart, Outcome, Target
from mcpgw.model.chain import PURPOSE
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import KeyKind
from mcpgw.store import journal_tables as tables
from mcpgw.store.engine import open_connection
from mcpgw.store.opened import Store, open_store
from mcpgw.store.rows import BOX, Ended, Rows
from mcpgw.store.writer import _insert_all
from mcpgw.vault.vault import Vault
from tests.store.records import new_rows

SERVERS = ("jira", "github", "postgres", "slack", "files", "search")
BATCH = 2000


def calls(
    count: int,
    *,
    first_at: float,
    last_at: float,
    seed: int = 1,
    workspace_ids: tuple[str, ...] = ("ws_0", "ws_1"),
) -> Iterator[CallStart | Ended]:
    """Return starts and ends of calls: a few members make most, and each uses a few tools."""
    chance = random.Random(seed)  # noqa: S311  (no secret)
    callers = [_caller(number, workspace_ids) for number in range(40)]
    habits = {
        caller.token_id: [_target(chance) for _ in range(chance.randrange(2, 8))]
        for caller in callers
    }
    weights = [1 / (number + 1) for number in range(len(callers))]
    step_us = (last_at - first_at) * 1e6 / count
    for number, caller in enumerate(chance.choices(callers, weights, k=count)):
        start = CallStart(
            started_us=int(first_at * 1e6 + number * step_us),
            number=number & 0xFFFFFF,
            caller=caller,
            target=chance.choice(habits[caller.token_id]),
            request_bytes=chance.randrange(100, 2000),
            arguments=chance.randbytes(16),
        )
        yield from _call(chance, start)


def _call(chance: random.Random, start: CallStart) -> Iterator[CallStart | Ended]:
    """Return the rows of one call."""
    lot = chance.random()
    if lot < 0.02:
        yield Ended(CallEnd(start, Outcome.DENIED, "not_found", 40), None)
        return
    yield start
    duration_us = int(chance.lognormvariate(11, 1.0))
    upstream_us = max(0, duration_us - chance.randrange(200, 900))
    if lot < 0.96:
        outcome, error, status = Outcome.OK, "", 0
    elif lot < 0.98:
        outcome, error, status = Outcome.TOOL_ERROR, "", 0
    elif start.target.server == "github":
        outcome, error, status = Outcome.UPSTREAM_ERROR, "upstream", 429
    else:
        outcome, error, status = Outcome.TIMEOUT, "upstream_timeout", 0
    size = chance.randrange(50, 20_000)
    result = chance.randbytes(16)
    yield Ended(
        CallEnd(start, outcome, error, duration_us, upstream_us, status, size, result), None
    )


def _caller(number: int, workspace_ids: tuple[str, ...]) -> Caller:
    client = ("claude-code", "cursor", "nightly-agent")[number % 3]
    return Caller(
        workspace_id=workspace_ids[number % len(workspace_ids)],
        token_id=f"tok_{number:012x}",
        member=f"member{number}@team.org",
        role="developer",
        client_name=client,
        client_version="1.2.3",
        client_address="127.0.0.1",
        surface="mcp",
        era="modern",
        protocol_version="2026-07-28",
    )


def _target(chance: random.Random) -> Target:
    server = chance.choice(SERVERS)
    tool = f"tool_{chance.randrange(10)}"
    return Target("tools/call", f"srv_{server}", server, f"{server}__{tool}", tool)


def write(path: Path, records: Iterator[CallStart | Ended], rows: Rows | None = None) -> None:
    """Write records as the writer does, a batch a transaction."""
    rows = rows or new_rows()
    with closing(open_connection(path, checkpoint_pages=1000)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        while batch := list(islice(records, BATCH)):
            _commit(connection, rows, batch)


def _commit(connection: sqlite3.Connection, rows: Rows, batch: list[CallStart | Ended]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    starts, ends, _ = rows.link(connection, batch)
    _insert_all(connection, tables.call_start, starts)
    _insert_all(connection, tables.call_end, ends)
    connection.execute("COMMIT")
    rows.keep()


@asynccontextmanager
async def opened(
    config: Config, *, is_server: bool
) -> AsyncIterator[tuple[Store, Configuration, Rows]]:
    """Open an installation, with rows to `write` that are signed with its own key."""
    store = await open_store(config, create=False, is_server=is_server)
    try:
        configuration = await store.configuration.load()
        vault = Vault(config)
        vault.unlock(configuration.install_id, configuration.slots)
        rows = Rows(BOX)
        rows.sign_with(vault.signer(configuration.datakey(KeyKind.AUDIT), PURPOSE))
        yield store, configuration, rows
    finally:
        await store.close()
