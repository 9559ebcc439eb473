"""Questions to the journal."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import update

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.model.audit import AuditEvent, CallFilter, Outcome
from mcpgw.store import tables
from mcpgw.store.audit import Journal
from mcpgw.store.engine import Database
from mcpgw.store.opened import Store
from tests.store.records import NOW, event

ANAS, BOS, EVAS = "tok_1", "tok_2", "tok_3"

ROWS = [
    event("c1", started_at=NOW + 1, duration_us=1_000),
    event("c2", started_at=NOW + 2, server="github", original="Issue", exposed="github__Issue"),
    event("c3", started_at=NOW + 3, outcome=Outcome.DENIED, token_id=BOS, member="bo"),
    event("c4", started_at=NOW + 4, duration_us=2_500_000, outcome=Outcome.TIMEOUT),
    event("c5", started_at=NOW + 5, workspace_id="ws_b", token_id=EVAS, original="50%_a\\b/c"),
    event("c6", started_at=NOW, server="", original="", exposed="typed [wrong]"),
]


@pytest.fixture
async def journal(store: Store) -> Journal:
    for row in ROWS:
        await store.journal.record(row)
    return store.journal


async def found(journal: Journal, wanted: CallFilter) -> str:
    return " ".join(event.call_id for _, event in await journal.find(wanted))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (CallFilter(), "c1 c2 c3 c4 c5 c6"),
        (CallFilter(workspace_id="ws_demo"), "c1 c2 c3 c4 c6"),
        (CallFilter(workspace_id="none"), ""),
        (CallFilter(workspace_id=""), ""),
        (CallFilter(server="github"), "c2"),
        (CallFilter(server="git"), ""),
        (CallFilter(member="bo"), "c3"),
        (CallFilter(token_id=ANAS), "c1 c2 c4 c6"),
        (CallFilter(workspace_id="ws_b", token_id=ANAS), ""),
        (CallFilter(outcomes=(Outcome.DENIED, Outcome.TIMEOUT)), "c3 c4"),
        (CallFilter(since=NOW + 4), "c4 c5"),
        (CallFilter(until=NOW + 2), "c1 c6"),
        (CallFilter(workspace_id="ws_demo", since=NOW + 1, until=NOW + 3), "c1 c2"),
        (CallFilter(slower_than_us=2_499_999), "c4"),
        (CallFilter(slower_than_us=2_500_000), ""),
        (CallFilter(slower_than_us=0, outcomes=(Outcome.OK,)), "c1 c2 c5 c6"),
        (CallFilter(workspace_id="ws_demo", before=(NOW + 3, 3)), "c1 c2 c6"),
        (CallFilter(workspace_id="ws_demo", before=(NOW + 3, 4), newest=1), "c3"),
        # the newest, by time within a workspace, in the order of commits
        (CallFilter(newest=2), "c5 c6"),
        (CallFilter(workspace_id="ws_demo", newest=3), "c2 c3 c4"),
        # a live view: the first after what was shown
        (CallFilter(after_rowid=2, newest=2), "c3 c4"),
        (CallFilter(workspace_id="ws_demo", after_rowid=4), "c6"),
        (CallFilter(after_rowid=6), ""),
        (CallFilter(after_rowid=0, token_id=ANAS, member="ana@team.org", server="jira"), "c1 c4"),
    ],
)
async def test_what_a_filter_finds(journal: Journal, wanted: CallFilter, expected: str) -> None:
    assert await found(journal, wanted) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("github", "c2"),  # server
        ("create_issue", "c1 c3 c4 c5"),  # the own name
        ("jira__", "c1 c3 c4 c5"),  # the exposed name
        ("ISSUE", "c1 c2 c3 c4 c5"),  # any part, any case
        ("*issue", "c1 c2 c3 c4 c5"),
        ("issue*", "c2"),  # a glob matches the whole
        ("?ssue", "c2"),
        ("????__Create*", "c1 c3 c4 c5"),
        ("[wrong]", "c6"),
        ("*[wrong]", "c6"),
        ("50%", "c5"),
        ("5?%_*", "c5"),
        ("%", "c5"),
        ("\\", "c5"),
        ("*\\*", "c5"),
        ("b/c", "c5"),
        ("*b/c", "c5"),
        ("create%", ""),
        ("create%*", ""),
        ("create-issue", ""),
        ("*", "c1 c2 c3 c4 c5 c6"),
        ("' OR 1=1 --", ""),
    ],
)
async def test_what_a_target_matches(journal: Journal, target: str, expected: str) -> None:
    assert await found(journal, CallFilter(target=target)) == expected


async def test_rows_come_back_as_they_went_in(journal: Journal) -> None:
    assert [(number, row) for number, row in enumerate(ROWS, 1)] == await journal.find(CallFilter())
    assert await journal.get("c4") == ROWS[3]
    assert await journal.get("c7") is None


async def test_when_a_token_was_last_used(journal: Journal) -> None:
    assert await journal.last_used("ws_demo") == {"tok_1": NOW + 4, "tok_2": NOW + 3}
    assert await journal.last_used("ws_b") == {"tok_3": NOW + 5}
    assert await journal.last_used("none") == {}


async def test_the_newest_time_is_not_the_newest_row(journal: Journal) -> None:
    assert await journal.latest() == NOW + 5


async def test_an_empty_journal(store: Store) -> None:
    assert await store.journal.latest() == 0.0
    assert await store.journal.last_used("ws_demo") == {}
    assert await store.journal.find(CallFilter()) == []


def test_looking_up_uses_an_index(store: Store, config: Config) -> None:
    """Every question that is asked often, however long the journal grows."""
    questions = [
        ("SELECT * FROM call WHERE workspace_id = 'w' ORDER BY started_at DESC LIMIT 9", "started"),
        (
            "SELECT * FROM call WHERE workspace_id = 'w' AND (started_at, id) < (5.0, 7)"
            " ORDER BY started_at DESC, id DESC LIMIT 9",
            "started_at<",
        ),
        ("SELECT * FROM call WHERE token_id = 't' ORDER BY started_at DESC LIMIT 9", "started"),
        ("SELECT * FROM call WHERE call_id = 'c'", "call_id"),
    ]
    with closing(sqlite3.connect(config.journal_path)) as connection:
        for question, column in questions:
            ((*_, plan),) = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
            assert "USING INDEX" in plan
            assert column in plan


async def test_an_outcome_that_mcpgw_does_not_know(journal: Journal, config: Config) -> None:
    database = Database(config.journal_path)
    await database.write(
        lambda connection: connection.execute(update(tables.call).values(outcome="x"))
    )
    await database.close()
    with pytest.raises(StorageError, match="did not write"):
        await journal.find(CallFilter())
    with pytest.raises(StorageError, match="did not write"):
        await journal.get("c1")


async def test_only_the_serving_process_empties_the_log(config: Config, store: Store) -> None:
    log = config.journal_path.with_name("journal.db-wal")
    other = Journal(config.journal_path, is_server=False)
    big = [event(f"big_{number}", exposed="x" * 100_000) for number in range(100)]

    async def write(journal: Journal, rows: list[AuditEvent]) -> int:
        for row in rows:
            await journal.record(row)
        return log.stat().st_size

    assert await write(other, big) > 10_000_000
    await write(store.journal, big[:1])
    settled = await write(store.journal, big[:20])
    assert settled < 10_000_000
    await other.close()
