"""Old calls go step by step, and at each the journal verifies from its checkpoint."""

# ruff: noqa: S608  (names of ours in statements)

import sqlite3
from contextlib import closing

import pytest

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.model.audit import CallFilter
from mcpgw.model.chain import Anchor
from mcpgw.store import audit
from mcpgw.store import prune as module
from mcpgw.store.audit import Journal
from mcpgw.store.opened import Store
from mcpgw.store.prune import prune_some
from mcpgw.store.rows import BOX, Rows
from tests.store.history import calls, write
from tests.store.records import NOW, call_end, call_start, sign

CALLS = 300


@pytest.fixture
async def journal(store: Store, config: Config, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(audit, "PRUNE_PAUSE_S", 0.0)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 70)
    rows = Rows(BOX)
    rows.sign_with(sign)
    write(config.journal_path, calls(CALLS, first_at=NOW, last_at=NOW + CALLS), rows)
    return store.journal


async def tally_all(journal: Journal) -> None:
    while await journal.tally():
        pass


async def test_what_is_old_goes_and_the_rest_verifies(journal: Journal) -> None:
    await tally_all(journal)
    before = await journal.verify()
    gone = await journal.prune(NOW + 200, NOW + 1000)
    after = await journal.verify()
    assert after.problem == ""
    assert after.pruned == gone == before.rows - after.rows > 350
    left = await journal.find(CallFilter(newest=CALLS))
    assert len(left) == 100
    assert min(event.started_at for _, event in left) == NOW + 200
    assert (await journal.verify([await head(journal)])).anchors == 1


async def head(journal: Journal) -> Anchor:
    found = await journal.head()
    assert found is not None
    return found


async def test_again_and_again(journal: Journal) -> None:
    await tally_all(journal)
    first = await journal.prune(NOW + 100, NOW + 1000)
    assert await journal.prune(NOW + 100, NOW + 1000) == 0
    second = await journal.prune(NOW + 150, NOW + 2000)
    found = await journal.verify()
    assert (found.problem, found.pruned) == ("", first + second)


async def test_everything(journal: Journal) -> None:
    await tally_all(journal)
    anchor = await head(journal)
    gone = await journal.prune(NOW + 10_000, NOW + 10_001)
    assert gone == anchor.seq
    assert await journal.find(CallFilter()) == []
    assert await head(journal) == anchor
    assert await journal.end(call_end(1)) == anchor.seq + 1
    found = await journal.verify([anchor])
    assert (found.problem, found.rows, found.anchors) == ("", 1, 1)


async def test_an_anchor_of_what_was_pruned_says_nothing(journal: Journal) -> None:
    await tally_all(journal)
    anchor = await head(journal)
    await journal.end(call_end(1, started_at=NOW + 5000))
    await tally_all(journal)
    await journal.end(call_end(2, started_at=NOW + 6000))
    await tally_all(journal)
    await journal.prune(NOW + 5500, NOW + 7000)
    found = await journal.verify([anchor])
    assert (found.problem, found.older_anchors, found.anchors) == ("", 1, 0)


async def test_nothing_goes_that_is_in_no_tally(journal: Journal) -> None:
    assert await journal.prune(NOW + 200, NOW + 1000) == 0


async def test_a_call_under_way_keeps_its_start(journal: Journal) -> None:
    start = call_start(1, started_at=NOW + CALLS)
    seq = await journal.begin(start)
    await journal.end(call_end(2, started_at=NOW + CALLS + 1))
    await tally_all(journal)
    await journal.prune(NOW + 10_000, NOW + 10_001)
    assert (await journal.verify()).first == seq
    await journal.end(call_end(1, started_at=NOW + CALLS))
    assert (await journal.verify()).unfinished == 0


async def test_whoever_is_spoken_of_no_more_is_forgotten(journal: Journal, config: Config) -> None:
    await journal.end(call_end(1, member="ana@team.org", started_at=NOW + 5000))
    await tally_all(journal)
    await journal.prune(NOW + 4000, NOW + 6000)
    await journal.forget_tallies(NOW + 4000)
    await journal.end(call_end(2, started_at=NOW + 7000))
    await tally_all(journal)
    await journal.prune(NOW + 6000, NOW + 8000)
    with closing(sqlite3.connect(config.journal_path)) as connection:
        members = connection.execute("SELECT member FROM caller").fetchall()
        texts = connection.execute("SELECT text FROM label ORDER BY text").fetchall()
    assert members == [("ana@team.org",)]
    assert texts == [("",), ("jira",), ("tok_1",), ("ws_demo",)]
    await journal.end(call_end(3, member="ana@team.org", started_at=NOW + 9000))
    assert (await journal.verify()).problem == ""


async def test_a_server_that_goes_on_meanwhile(journal: Journal, config: Config) -> None:
    """It remembers numbers that the command at the box removes."""
    await journal.end(call_end(1, started_at=NOW))
    await tally_all(journal)
    command = Journal(config.journal_path, is_server=False)
    command.sign_with(sign)
    await command.prune(NOW + 10_000, NOW + 10_001)
    await command.forget_tallies(NOW + 10_000)
    await command.close()
    await journal.end(call_end(2, started_at=NOW + 20_000))
    ((_, event),) = await journal.find(CallFilter())
    assert event.member == "ana@team.org"
    assert (await journal.verify()).problem == ""


async def test_rows_of_before_the_signing_go_first(journal: Journal, config: Config) -> None:
    with closing(sqlite3.connect(config.journal_path)) as connection:
        for kept in ("start_keeps_rows", "end_keeps_rows", "end_keeps_values"):
            connection.execute(f"DROP TRIGGER call_{kept}")
        connection.execute("DELETE FROM checkpoint")
        connection.execute("DELETE FROM call_start")
        connection.execute("UPDATE call_end SET mac = NULL, start_seq = NULL")
        connection.commit()
    await journal.end(call_end(1, started_at=NOW + 5000))
    await tally_all(journal)
    assert (await journal.verify()).unsigned == CALLS
    assert await journal.prune(NOW + 100, NOW + 6000) == 100
    assert (await journal.verify()).unsigned == CALLS - 100
    assert await journal.prune(NOW + 6000, NOW + 6000) == CALLS - 100 + 1
    found = await journal.verify()
    assert (found.problem, found.unsigned, found.pruned) == ("", 0, 1)


async def test_a_journal_with_a_hole_is_left_as_it_is(journal: Journal, config: Config) -> None:
    with closing(sqlite3.connect(config.journal_path)) as connection:
        for name in ("start", "end"):
            connection.execute(f"DROP TRIGGER call_{name}_keeps_rows")
            connection.execute(f"DELETE FROM call_{name} WHERE seq = 70")
        connection.commit()
        with pytest.raises(StorageError, match="no row 70"):
            prune_some(connection, sign, 100, 0)
