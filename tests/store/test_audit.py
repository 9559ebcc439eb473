"""Questions to the journal."""

import os
import sqlite3
from contextlib import closing

import pytest

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.model.audit import CallEnd, CallFilter, Outcome, ServerUse
from mcpgw.store.audit import Journal
from mcpgw.store.opened import Store
from tests.fakes import read
from tests.store.children import run
from tests.store.records import NOW, call_end, call_start, sign

ANAS, BOS, EVAS = "tok_1", "tok_2", "tok_3"

ROWS = [
    call_end(1, started_at=NOW + 1, duration_us=1_000),
    call_end(2, started_at=NOW + 2, server="github", original="Issue", exposed="github__Issue"),
    call_end(3, started_at=NOW + 3, outcome=Outcome.DENIED, token_id=BOS, member="bo"),
    call_end(4, started_at=NOW + 4, duration_us=2_500_000, outcome=Outcome.TIMEOUT),
    call_end(5, started_at=NOW + 5, workspace_id="ws_b", token_id=EVAS, original="50%_a\\b/c"),
    call_end(6, started_at=NOW, server="", original="", exposed="typed [wrong]"),
]


@pytest.fixture
async def journal(store: Store) -> Journal:
    for row in ROWS:
        await store.journal.end(row)
    return store.journal


def number_of(call_id: str) -> str:
    return str(int(call_id[-6:], 16))


async def found(journal: Journal, wanted: CallFilter) -> str:
    return " ".join(number_of(event.call_id) for _, event in await journal.find(wanted))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (CallFilter(), "1 2 3 4 5 6"),
        (CallFilter(workspace_id="ws_demo"), "1 2 3 4 6"),
        (CallFilter(workspace_id="none"), ""),
        (CallFilter(workspace_id=""), ""),
        (CallFilter(server="github"), "2"),
        (CallFilter(server="git"), ""),
        (CallFilter(member="bo"), "3"),
        (CallFilter(token_id=ANAS), "1 2 4 6"),
        (CallFilter(workspace_id="ws_b", token_id=ANAS), ""),
        (CallFilter(outcomes=(Outcome.DENIED, Outcome.TIMEOUT)), "3 4"),
        (CallFilter(since=NOW + 4), "4 5"),
        (CallFilter(until=NOW + 2), "1 6"),
        (CallFilter(workspace_id="ws_demo", since=NOW + 1, until=NOW + 3), "1 2"),
        (CallFilter(slower_than_us=2_499_999), "4"),
        (CallFilter(slower_than_us=2_500_000), ""),
        (CallFilter(slower_than_us=0, outcomes=(Outcome.OK,)), "1 2 5 6"),
        (CallFilter(workspace_id="ws_demo", before=(NOW + 3, 3)), "1 2 6"),
        (CallFilter(workspace_id="ws_demo", before=(NOW + 3, 4), newest=1), "3"),
        # the newest, by time within a workspace, in the order of commits
        (CallFilter(newest=2), "5 6"),
        (CallFilter(workspace_id="ws_demo", newest=3), "2 3 4"),
        # a live view: the first after what was shown
        (CallFilter(after_rowid=2, newest=2), "3 4"),
        (CallFilter(workspace_id="ws_demo", after_rowid=4), "6"),
        (CallFilter(after_rowid=6), ""),
        (CallFilter(after_rowid=0, token_id=ANAS, member="ana@team.org", server="jira"), "1 4"),
    ],
)
async def test_what_a_filter_finds(journal: Journal, wanted: CallFilter, expected: str) -> None:
    assert await found(journal, wanted) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("github", "2"),  # server
        ("create_issue", "1 3 4 5"),  # the own name
        ("jira__", "1 3 4 5"),  # the exposed name
        ("ISSUE", "1 2 3 4 5"),  # any part, any case
        ("*issue", "1 2 3 4 5"),
        ("issue*", "2"),  # a glob matches the whole
        ("?ssue", "2"),
        ("????__Create*", "1 3 4 5"),
        ("[wrong]", "6"),
        ("*[wrong]", "6"),
        ("50%", "5"),
        ("5?%_*", "5"),
        ("%", "5"),
        ("\\", "5"),
        ("*\\*", "5"),
        ("b/c", "5"),
        ("*b/c", "5"),
        ("create%", ""),
        ("create%*", ""),
        ("create-issue", ""),
        ("*", "1 2 3 4 5 6"),
        ("' OR 1=1 --", ""),
    ],
)
async def test_what_a_target_matches(journal: Journal, target: str, expected: str) -> None:
    assert await found(journal, CallFilter(target=target)) == expected


async def test_rows_come_back_as_they_went_in(journal: Journal) -> None:
    events = [(number, read(row)) for number, row in enumerate(ROWS, 1)]
    assert events == await journal.find(CallFilter())
    assert await journal.get("ws_demo", ROWS[3].start.call_id) == read(ROWS[3])


@pytest.mark.parametrize(
    ("workspace_id", "call_id"),
    [
        ("ws_b", ROWS[3].start.call_id),
        ("ws_demo", call_start(7).call_id),
        ("ws_demo", "call_4"),
        ("ws_demo", "' OR 1=1 --"),
    ],
)
async def test_a_call_that_is_not_there(journal: Journal, workspace_id: str, call_id: str) -> None:
    assert await journal.get(workspace_id, call_id) is None


async def test_a_call_under_way_can_be_seen(journal: Journal) -> None:
    start = call_start(7)
    await journal.begin(start)
    seen = await journal.get("ws_demo", start.call_id)
    assert seen is not None
    assert (seen.outcome, seen.member, seen.server) == (Outcome.RUNNING, "ana@team.org", "jira")
    assert seen.arguments_fingerprint == start.arguments.hex()
    assert await journal.get("ws_b", start.call_id) is None
    assert await found(journal, CallFilter(workspace_id="ws_demo")) == "1 2 3 4 6"
    await journal.end(call_end(7))
    assert await journal.get("ws_demo", start.call_id) == read(call_end(7))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (CallFilter(is_rate_limited=True), "1 2"),
        (CallFilter(is_rate_limited=True, server="github"), "2"),
        (CallFilter(client="a client"), "1 2 3 4"),
        (CallFilter(client="another"), ""),
        (CallFilter(outcomes=(Outcome.TOOL_ERROR,), workspace_id="ws_demo"), "2 3"),
        (CallFilter(outcomes=(Outcome.OK, Outcome.TIMEOUT), workspace_id="ws_demo"), "4"),
    ],
)
async def test_what_else_a_filter_finds(store: Store, wanted: CallFilter, expected: str) -> None:
    failed = Outcome.TOOL_ERROR
    for end in (
        call_end(1, outcome=Outcome.UPSTREAM_ERROR, upstream_status=429),
        call_end(2, server="github", outcome=failed, error_class="rate_limited"),
        call_end(3, outcome=failed, upstream_status=500),
        call_end(4, outcome=Outcome.TIMEOUT, error_class="upstream_timeout"),
    ):
        await store.journal.end(end)
    assert await found(store.journal, wanted) == expected


async def test_when_a_token_was_last_used(journal: Journal) -> None:
    assert await journal.last_used("ws_demo") == {"tok_1": NOW + 4, "tok_2": NOW + 3}
    assert await journal.last_used("ws_b") == {"tok_3": NOW + 5}
    assert await journal.last_used("none") == {}


async def test_what_a_member_used(journal: Journal) -> None:
    assert await journal.servers_used("ws_demo", "ana@team.org") == {
        "github": ServerUse(1, NOW + 2),
        "jira": ServerUse(2, NOW + 4),
    }
    assert await journal.servers_used("ws_demo", "bo") == {}
    assert await journal.servers_used("ws_b", "ana@team.org") == {"jira": ServerUse(1, NOW + 5)}


async def test_the_newest_time_is_not_the_newest_row(journal: Journal) -> None:
    assert await journal.latest() == NOW + 5


async def test_an_empty_journal(store: Store) -> None:
    assert await store.journal.latest() == 0.0
    assert await store.journal.last_used("ws_demo") == {}
    assert await store.journal.find(CallFilter()) == []
    assert await store.journal.unfinished() == []


async def test_nothing_is_recorded_that_cannot_be_signed(store: Store, config: Config) -> None:
    locked = Journal(config.journal_path, is_server=False)
    with pytest.raises(StorageError, match="cannot be signed"):
        await locked.begin(call_start())
    await locked.close()
    assert await store.journal.find(CallFilter()) == []


async def test_an_outcome_that_mcpgw_does_not_know(journal: Journal, config: Config) -> None:
    with closing(sqlite3.connect(config.journal_path)) as connection:
        connection.execute("DROP TRIGGER call_end_keeps_values")
        connection.execute("UPDATE call_end SET outcome = 99")
        connection.commit()
    with pytest.raises(StorageError, match="did not write"):
        await journal.find(CallFilter())
    with pytest.raises(StorageError, match="did not write"):
        await journal.get("ws_demo", ROWS[0].start.call_id)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM call_end WHERE seq = 2",
        "UPDATE call_end SET duration_us = 1",
        "DELETE FROM call_start",
    ],
)
async def test_rows_stay_as_they_are(journal: Journal, config: Config, statement: str) -> None:
    await journal.begin(call_start(7))
    with (
        closing(sqlite3.connect(config.journal_path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only grows"),
    ):
        connection.execute(statement)


async def test_only_the_serving_process_empties_the_log(config: Config, store: Store) -> None:
    log = config.journal_path.with_name("journal.db-wal")
    other = Journal(config.journal_path, is_server=False)
    other.sign_with(sign)
    big = [call_end(number, exposed=f"{number}" + "x" * 100_000) for number in range(100)]

    async def write(journal: Journal, ends: list[CallEnd]) -> int:
        for end in ends:
            await journal.end(end)
        return log.stat().st_size

    assert await write(other, big) > 10_000_000
    await write(store.journal, big[:1])
    settled = await write(store.journal, big[:20])
    assert settled < 10_000_000
    await other.close()


BEGIN = """
import asyncio, os, sys
from pathlib import Path
from mcpgw.store.audit import Journal
from tests.store.records import call_end, call_start, sign

async def main(path, is_server):
    journal = Journal(path, is_server=is_server)
    journal.sign_with(sign)
    numbers = [await journal.begin(call_start(number)) for number in range(1, 4)]
    await journal.end(call_end(2))
    print(*numbers, flush=True)
    os._exit(0)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "serve"))
"""


@pytest.mark.parametrize("kind", ["serve", "box"])
async def test_calls_of_a_process_that_died(store: Store, config: Config, kind: str) -> None:
    first, _, third = map(int, run(BEGIN, config.journal_path, kind).split())
    unfinished = await store.journal.unfinished()
    assert unfinished == [(first, call_start(1)), (third, call_start(3))]
    for seq, start in unfinished:
        end = CallEnd(start, Outcome.UNKNOWN_CRASH, "crash", 0)
        await store.journal.end(end, seq)
    assert await store.journal.unfinished() == []
    crashed = await store.journal.get("ws_demo", call_start(1).call_id)
    assert crashed is not None
    assert crashed.outcome is Outcome.UNKNOWN_CRASH


async def test_a_command_under_way_is_no_crash(store: Store, config: Config) -> None:
    command = Journal(config.journal_path, is_server=False)
    command.sign_with(sign)
    await command.begin(call_start())
    assert await store.journal.unfinished() == []
    await command.end(call_end())
    await command.close()


def has_problem(store: Store) -> bool:
    return store.journal.problem is not None


async def test_probing_says_whether_writing_works(store: Store, config: Config) -> None:
    await store.journal.probe()
    assert not has_problem(store)
    away = config.journal_path.with_name("away")
    os.rename(config.journal_path, away)
    with pytest.raises(StorageError):
        await store.journal.probe()
    assert has_problem(store)
    os.rename(away, config.journal_path)
    await store.journal.probe()
    assert not has_problem(store)
