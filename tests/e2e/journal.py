"""What a journal on the disk says, read beside mcpgw; and clients that count what they are told."""

import asyncio
import json
import resource
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mcpgw.bootstrap import open_gateway
from mcpgw.config import load_config
from mcpgw.model.audit import Outcome
from mcpgw.model.chain import OUTCOME_CODE
from mcpgw.model.token import OPERATOR, Role
from tests.e2e.conftest import PEERS, Box
from tests.web.conftest import modern_body, modern_headers

OUTCOMES = (sys.executable, "-I", str(PEERS / "stdio_outcomes.py"))
"""The command of a server with a tool for every way in which a call can end."""

NAMES = {code: outcome for outcome, code in OUTCOME_CODE.items()}

FILE_BYTES = 64 << 10
"""The log of the journal is beyond this after some calls, that of the configuration is not."""

_ENDS = """
SELECT caller.member, call_end.outcome, call_start.seq IS NOT NULL,
    coalesce(call_start.started_us = call_end.started_us
        AND call_start.number = call_end.number
        AND call_start.caller_id = call_end.caller_id
        AND call_start.target_id = call_end.target_id, 1)
FROM call_end
JOIN caller ON caller.id = call_end.caller_id
LEFT JOIN call_start ON call_start.seq = call_end.start_seq
"""

_OPEN = """
SELECT caller.member FROM call_start
JOIN caller ON caller.id = call_start.caller_id
LEFT JOIN call_end ON call_end.start_seq = call_start.seq
WHERE call_end.seq IS NULL
"""


@dataclass(frozen=True)
class Recorded:
    """The calls of a journal by member and outcome; those without an end are `running`."""

    with_start: Counter[tuple[str, Outcome]]
    without_start: Counter[tuple[str, Outcome]]


def home_of(box: Box) -> Path:
    """Return the data directory of a box."""
    return Path(box.environment["MCPGW_HOME"])


def check_files(home: Path) -> None:
    """Insist that both databases are whole."""
    for name in ("journal.db", "configuration.db"):
        with closing(sqlite3.connect(home / name)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def recorded(home: Path) -> Recorded:
    """Return what the journal holds; insist that starts and ends fit each other."""
    found = Recorded(Counter(), Counter())
    with closing(sqlite3.connect(home / "journal.db")) as journal:
        for member, outcome, has_start, is_same in journal.execute(_ENDS):
            assert is_same
            kind = found.with_start if has_start else found.without_start
            kind[member, NAMES[outcome]] += 1
        for (member,) in journal.execute(_OPEN):
            found.with_start[member, Outcome.RUNNING] += 1
    return found


@contextmanager
def small_files(pid: int, most_bytes: int = FILE_BYTES) -> Iterator[None]:
    """Let the process write no file beyond a size, as `prlimit --fsize` does."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def under_way(home: Path) -> int:
    """Return how many calls have no end."""
    with closing(sqlite3.connect(home / "journal.db")) as journal:
        return len(journal.execute(_OPEN).fetchall())


@dataclass
class Counting:
    """A client that calls one after the other, and counts what it is told."""

    member: str
    token: str
    token_id: str
    answered: int = 0
    refused: int = 0
    errors: set[str] = field(default_factory=set)
    slowest_refusal_s: float = 0.0
    last_answer_at: float = 0.0

    async def call(self, http: aiohttp.ClientSession, url: str) -> bool:
        """Call `ok` once; say whether that was answered with its result."""
        begun = time.monotonic()
        status, body = await ask(http, url, self.token)
        if "result" in body:
            self.answered += 1
            self.last_answer_at = time.monotonic()
            return True
        assert status in (200, 500, 503), (status, body)
        self.refused += 1
        self.errors.add(body["error"]["message"])
        self.slowest_refusal_s = max(self.slowest_refusal_s, time.monotonic() - begun)
        return False

    async def call_until(
        self, http: aiohttp.ClientSession, url: str, is_over: asyncio.Event
    ) -> None:
        """Call until told to stop, or until the gateway is gone."""
        while not is_over.is_set():
            try:
                is_answered = await self.call(http, url)
            except (aiohttp.ClientError, OSError):
                return
            await asyncio.sleep(0 if is_answered else 0.01)


async def ask(
    http: aiohttp.ClientSession,
    url: str,
    token: str,
    tool: str = "outcomes__ok",
    arguments: Mapping[str, Any] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Call a tool, and return status and body."""
    headers = modern_headers("tools/call", tool) | {"Authorization": f"Bearer {token}"}
    body = modern_body("tools/call", name=tool, arguments=arguments or {})
    async with http.post(url, json=body, headers=headers) as response:
        content = await response.read()
        if response.content_type == "text/event-stream":
            content = content.rpartition(b"data:")[2]
        return response.status, json.loads(content)


async def clients(box: Box, number: int, patched: pytest.MonkeyPatch) -> list[Counting]:
    """Return so many clients, each with a token of its own member."""
    patched.setenv("XDG_CONFIG_HOME", box.environment["XDG_CONFIG_HOME"])
    made = []
    async with open_gateway(load_config({"home": home_of(box)})) as gateway:
        for one in range(number):
            member = f"member-{one}"
            issued = await gateway.tokens.issue(OPERATOR, "demo", member, Role.DEVELOPER)
            made.append(Counting(member, issued.text, issued.token.id))
    return made
