"""A fortnight of a team's calls, in which four things happened that somebody will ask about.

1. Jira became slow this week, and it is Jira's own time.
2. One member's calls meet GitHub's limit.
3. A nightly agent hammers Postgres at 2 a.m.
4. A colleague left, and something still uses her token.
"""

import asyncio
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mcpgw.config import Config, load_config
from mcpgw.model.audit import CallEnd, Caller, CallStart, Outcome, Target
from mcpgw.store.rows import Ended
from tests.store.history import opened, write

DAY_S = 86400

LEAVER = "lea@team.org"
"""Left nine days ago."""

MEMBERS = ("ana@team.org", "bo@team.org", "cem@team.org", "dana@team.org", LEAVER)

TOOLS = {
    "jira": ("jira__search", "jira__create_issue", "jira__get_issue"),
    "github": ("github__search_code", "github__get_pull", "github__list_issues"),
    "postgres": ("postgres__query", "postgres__list_tables"),
    "slack": ("slack__post", "slack__search"),
}

USUAL_MS = {"jira": 180, "github": 240, "postgres": 25, "slack": 120}


@dataclass(frozen=True)
class _Made:
    """One call of a story."""

    at: datetime
    member: str
    client: str
    tool: str
    took_ms: float
    outcome: Outcome = Outcome.OK
    status: int = 0


def fortnight(until: datetime, seed: int = 7) -> Iterator[_Made]:
    """Return the calls of the two weeks before a moment, in the order of time."""
    chance = random.Random(seed)  # noqa: S311  (no secret)
    made = []
    for days_ago in range(14, 0, -1):
        midnight = (until - timedelta(days=days_ago)).replace(hour=0, minute=0, second=0)
        made += list(_working_day(chance, midnight, days_ago))
        made += list(_night(chance, midnight))
    yield from sorted((one for one in made if one.at < until), key=lambda one: one.at)


def _working_day(chance: random.Random, midnight: datetime, days_ago: int) -> Iterator[_Made]:
    for member in MEMBERS:
        has_left = member == LEAVER and days_ago < 9
        for _ in range(6 if has_left else chance.randrange(60, 120)):
            at = midnight + timedelta(hours=chance.gauss(13, 2.5) % 24)
            server = "slack" if has_left else chance.choice(tuple(TOOLS))
            client = "ci-job" if has_left else chance.choice(("claude-code", "cursor"))
            tool = chance.choice(TOOLS[server])
            took_ms = USUAL_MS[server] * chance.lognormvariate(0, 0.5)
            if server == "jira" and days_ago <= 7:
                took_ms *= 6 if tool == "jira__search" else 2
            outcome, status = Outcome.OK, 0
            if server == "github" and member == "bo@team.org" and chance.random() < 0.4:
                outcome, status = Outcome.UPSTREAM_ERROR, 429
            elif took_ms > 4000:
                outcome = Outcome.TIMEOUT
            elif chance.random() < 0.01:
                outcome = Outcome.TOOL_ERROR
            yield _Made(at, member, client, tool, took_ms, outcome, status)


def _night(chance: random.Random, midnight: datetime) -> Iterator[_Made]:
    for number in range(400):
        at = midnight + timedelta(hours=2, seconds=number * 6)
        took_ms = USUAL_MS["postgres"] * chance.lognormvariate(0, 0.3)
        yield _Made(at, "dana@team.org", "nightly-report", "postgres__query", took_ms)


def _records(made: Iterator[_Made], workspace_id: str) -> Iterator[CallStart | Ended]:
    chance = random.Random(1)  # noqa: S311  (no secret)
    for number, one in enumerate(made):
        server, _, original = one.tool.partition("__")
        start = CallStart(
            started_us=int(one.at.timestamp() * 1e6),
            number=number,
            caller=Caller(
                workspace_id=workspace_id,
                token_id=f"tok_{MEMBERS.index(one.member):012x}",
                member=one.member,
                role="developer",
                client_name=one.client,
                client_version="1.0",
                client_address="10.0.0.7",
                surface="mcp",
                era="modern",
                protocol_version="2026-07-28",
            ),
            target=Target("tools/call", f"srv_{server}", server, one.tool, original),
            request_bytes=chance.randrange(150, 900),
            arguments=chance.randbytes(16),
        )
        yield start
        duration_us = int(one.took_ms * 1000)
        upstream_us = max(0, duration_us - chance.randrange(300, 900))
        error = "" if one.outcome is Outcome.OK else one.outcome.value
        size = chance.randrange(200, 9000)
        yield Ended(
            CallEnd(start, one.outcome, error, duration_us, upstream_us, one.status, size), None
        )


async def tell(config: Config, slug: str) -> None:
    """Write the fortnight before now into the journal of an installation, in that workspace."""
    async with opened(config, is_server=False) as (_, configuration, rows):
        now = datetime.now(UTC).astimezone()  # noqa: TID251  (the commands look at the clock too)
        workspace_id = configuration.workspace(slug).id
        write(config.journal_path, _records(fortnight(now), workspace_id), rows)


if __name__ == "__main__":
    asyncio.run(tell(load_config({"home": Path(sys.argv[1])}), sys.argv[2]))
