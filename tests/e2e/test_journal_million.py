"""A journal of a million rows: searched, added up, verified, and pruned while calls are served.

Figures are printed beside what is promised; the bounds are generous, for a busy machine.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from mcpgw.bootstrap import open_gateway
from mcpgw.config import Config, load_config
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.statistics import Asked
from mcpgw.model.audit import SUCCESSES, CallFilter, Outcome
from mcpgw.model.statistics import Dimension, Period
from mcpgw.model.token import OPERATOR
from tests.e2e.conftest import Box, Served, copied
from tests.e2e.journal import OUTCOMES, check_files, home_of
from tests.e2e.pacing import pace, request
from tests.store.history import SERVERS, calls, opened, write
from tests.web.conftest import modern_body, modern_headers

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

CALLS = 505_100
"""Some are denied, and have one row: these are a million rows and a few."""

ROWS, PRUNED = 1_000_000, 900_000
DAYS = 100
KEPT_DAYS = 10
DAY_S = 86400.0

FIND_MS, STATS_MS, VERIFY_S, ROW_BYTES = 20.0, 200.0, 15.0, 250
"""What is promised."""

GENEROUS = 10
TIMES = 7
"""How often a question is asked; the median is told."""

FAILED = tuple(set(Outcome) - SUCCESSES)

PER_SECOND, CONNECTIONS, PACED_S = 100.0, 8, 10.0


def tell(text: str) -> None:
    print(text)  # noqa: T201  (the figures are what it is for)


@pytest.fixture(scope="module")
def full(shared_box: Box) -> Box:
    """A box with a million rows of the last hundred days in its journal."""
    shared_box.run("server", "add", "outcomes", "--", *OUTCOMES)
    begun_at = time.monotonic()
    asyncio.run(fill(config_of(shared_box)))
    tell(f"\na journal of {rows(shared_box):,} rows, made in {time.monotonic() - begun_at:.0f} s")
    assert rows(shared_box) >= ROWS
    return shared_box


def config_of(box: Box) -> Config:
    keys = Path(box.environment["XDG_CONFIG_HOME"])
    (key,) = [path for path in keys.rglob("*") if path.is_file()]
    return replace(load_config({"home": home_of(box)}), master_key_file=str(key))


async def fill(config: Config) -> None:
    async with opened(config, is_server=True) as (store, configuration, rows):
        now = time.time()  # noqa: TID251  (the commands look at the clock too)
        workspace_ids = (configuration.workspace("demo").id, "ws_other")
        first_at = now - DAYS * DAY_S
        made = calls(CALLS, first_at=first_at, last_at=now - 60, workspace_ids=workspace_ids)
        await asyncio.to_thread(write, config.journal_path, made, rows)
        while await store.journal.tally():
            pass


def query(box: Box, statement: str) -> list[Any]:
    with closing(sqlite3.connect(home_of(box) / "journal.db")) as journal:
        return journal.execute(statement).fetchall()


def rows(box: Box) -> int:
    both = "(SELECT count(*) FROM call_start) + (SELECT count(*) FROM call_end)"
    return int(query(box, f"SELECT {both}")[0][0])


async def timed_ms(question: Callable[[], Awaitable[Any]]) -> float:
    """Return the median of the times that a question takes, in milliseconds."""
    took = []
    for _ in range(TIMES):
        begun_at = time.perf_counter()
        await question()
        took.append((time.perf_counter() - begun_at) * 1000)
    return median(took)


async def slowest_ms(gateway: Gateway, wanted: list[CallFilter]) -> float:
    """Return how long the newest hundred take for the slowest of these filters."""
    times = []
    for one in wanted:
        assert len(await gateway.audit.find(OPERATOR, "demo", one)) == one.newest == 100
        times.append(await timed_ms(lambda one=one: gateway.audit.find(OPERATOR, "demo", one)))  # type: ignore[misc]
    return max(times)


async def test_the_newest_hundred(full: Box) -> None:
    tokens = query(full, "SELECT DISTINCT token_id FROM caller WHERE workspace_id != 'ws_other'")
    questions = {
        "workspace": [CallFilter()],
        "token": [CallFilter(token_id=token_id) for (token_id,) in tokens],
        "server": [CallFilter(server=server) for server in SERVERS],
        "failure": [CallFilter(outcomes=FAILED)],
    }
    async with open_gateway(config_of(full)) as gateway:
        for name, wanted in questions.items():
            took_ms = await slowest_ms(gateway, wanted)
            tell(
                f"newest 100 by {name}: {took_ms:.1f} ms, the slowest of {len(wanted)}"
                f" (promised: {FIND_MS:.0f} ms)"
            )
            assert took_ms < FIND_MS * GENEROUS


@pytest.mark.parametrize("by", Dimension)
async def test_a_week_added_up(full: Box, by: Dimension) -> None:
    async with open_gateway(config_of(full)) as gateway:
        now = gateway.now()
        asked = Asked(by, Period(now - 7 * DAY_S, now))
        answer = await gateway.statistics.sum(OPERATOR, "demo", asked)
        took_ms = await timed_ms(lambda: gateway.statistics.sum(OPERATOR, "demo", asked))
    assert answer.total.calls > CALLS * 7 / DAYS / 3
    tell(
        f"stats --by {by} --since 7d: {took_ms:.0f} ms for {answer.total.calls:,} calls"
        f" (promised: {STATS_MS:.0f} ms)"
    )
    assert took_ms < STATS_MS * GENEROUS


def test_verified(full: Box) -> None:
    begun_at = time.monotonic()
    found, _ = full.read("logs", "verify")
    took_s = time.monotonic() - begun_at
    assert (found["is_whole"], found["rows"]) == (True, rows(full))
    tell(f"logs verify: {took_s:.1f} s, the command's start included (promised: {VERIFY_S:.0f} s)")
    assert took_s < VERIFY_S * GENEROUS


def test_size(full: Box) -> None:
    path = home_of(full) / "journal.db"
    with closing(sqlite3.connect(path)) as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    of_a_row = path.stat().st_size / rows(full)
    tell(f"{of_a_row:.0f} bytes a row, indexes and sums included (promised: {ROW_BYTES})")
    assert of_a_row < ROW_BYTES


async def paced(served: Served, token: str, seconds: float) -> dict[str, Any]:
    """Call at a pace, and return how that went; every call must be answered."""
    headers = modern_headers("tools/call", "outcomes__ok") | {"Authorization": f"Bearer {token}"}
    asked = request(modern_body("tools/call", name="outcomes__ok", arguments={}), headers)
    found = await pace(served, asked, CONNECTIONS, PER_SECOND, seconds)
    assert set(found["statuses"]) == {"200"}
    return found


def told(found: list[dict[str, Any]]) -> str:
    p50_ms = median(one["p50_ms"] for one in found)
    p99_ms, longest_ms = (max(one[name] for one in found) for name in ("p99_ms", "longest_ms"))
    return f"p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms, longest {longest_ms:.0f} ms"


async def test_pruned_while_calls_are_served(full: Box, tmp_path: Path) -> None:
    box = copied(full, tmp_path)
    token = box.token()
    with box.serving() as served:
        await paced(served, token, 2.0)
        alone = await paced(served, token, PACED_S)
        begun_at = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mcpgw", "logs", "prune", "--keep", f"{KEPT_DAYS}d", "--json"),
            env=box.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        pruning = asyncio.ensure_future(process.communicate())
        beside = []
        while not pruning.done():
            beside.append(await paced(served, token, PACED_S))
        took_s = time.monotonic() - begun_at
        out, err = await pruning
        assert process.returncode == 0, err
    gone = json.loads(out)["pruned_rows"]
    tell(
        f"\n{gone:,} rows pruned within {took_s:.0f} s, while {PER_SECOND:.0f} calls a second were"
        f" served\n  alone:   {told([alone])}\n  beside:  {told(beside)}"
    )
    found, _ = box.read("logs", "verify")
    assert found["is_whole"]
    assert found["pruned"] == gone
    assert abs(gone - PRUNED) < 0.01 * PRUNED
    assert max(one["p99_ms"] for one in beside) < 1000
    check_files(home_of(box))
