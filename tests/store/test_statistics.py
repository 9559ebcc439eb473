"""Sums are those of the calls, whether they come from tallies, rows, or both."""

# ruff: noqa: S608  (names of ours in statements)

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import pytest

from mcpgw.config import Config
from mcpgw.model.audit import Outcome
from mcpgw.model.statistics import Dimension, Figures, Part, Period, StatsFilter, summed
from mcpgw.store.audit import Journal
from mcpgw.store.opened import Store
from tests.store.history import calls, write
from tests.store.records import NOW, call_end, new_rows

CALLS = 900
HOUR = 3600.0
BEGIN = NOW // HOUR * HOUR
LONG = Period(BEGIN, BEGIN + 48 * HOUR)

Query = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture
async def journal(store: Store, config: Config) -> Journal:
    records = calls(CALLS, first_at=BEGIN, last_at=BEGIN + 48 * HOUR)
    write(config.journal_path, records, new_rows())
    return store.journal


@pytest.fixture
def query(config: Config) -> Query:
    def run(condition: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(config.journal_path)) as connection:
            return connection.execute(
                "SELECT caller.member, caller.client_name, target.server, target.exposed,"
                " call_end.* FROM call_end JOIN caller ON caller.id = caller_id"
                f" JOIN target ON target.id = target_id WHERE {condition}"
            ).fetchall()

    return run


async def figures(
    journal: Journal, wanted: StatsFilter, by: Dimension = Dimension.SERVER
) -> dict[str, Figures]:
    parts = await journal.sums(wanted, by)
    found, total = summed(parts, wanted.period, lambda part: part.name)
    return {one.name: one for one in (*found, total)}


async def tally(journal: Journal, steps: int = 1 << 30) -> None:
    while steps and await journal.tally():
        steps -= 1


@pytest.mark.parametrize("steps", [0, 1, 1 << 30])
@pytest.mark.parametrize(
    ("by", "column"),
    [(Dimension.MEMBER, 0), (Dimension.CLIENT, 1), (Dimension.SERVER, 2), (Dimension.TOOL, 3)],
)
async def test_by_name(
    journal: Journal,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
    by: Dimension,
    column: int,
    steps: int,
) -> None:
    monkeypatch.setattr("mcpgw.store.tally.ROWS_AT_ONCE", 200)
    await tally(journal, steps)
    found = await figures(journal, StatsFilter("ws_0", LONG), by)
    expected = Counter(row[column] for row in query("caller.workspace_id = 'ws_0'"))
    assert {name: one.calls for name, one in found.items() if name != "all"} == expected
    assert found["all"].calls == sum(expected.values())


async def test_tallies_and_rows_give_the_same_figures(journal: Journal) -> None:
    wanted = StatsFilter("ws_1", LONG)
    before = await figures(journal, wanted)
    await tally(journal)
    assert await figures(journal, wanted) == before
    await journal.end(call_end(1, workspace_id="ws_1", server="late", started_at=BEGIN + HOUR))
    after = await figures(journal, wanted)
    assert after.pop("late").calls == 1
    assert after.pop("all").calls == before.pop("all").calls + 1
    assert after == before


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        ({"server": "jira"}, "target.server = 'jira'"),
        ({"target": "JIRA"}, "target.server = 'jira'"),
        ({"target": "*tool_1"}, "target.original = 'tool_1'"),
        ({"member": "member2@team.org"}, "caller.member = 'member2@team.org'"),
        ({"client": "cursor"}, "caller.client_name = 'cursor'"),
        ({"token_id": "tok_000000000004"}, "caller.token_id = 'tok_000000000004'"),
        (
            {"server": "github", "client": "cursor"},
            "exposed LIKE 'github%' AND client_name = 'cursor'",
        ),
        ({"member": "nobody"}, "false"),
    ],
)
async def test_what_a_filter_leaves(
    journal: Journal, query: Query, wanted: dict[str, str], condition: str
) -> None:
    expected = query(f"caller.workspace_id = 'ws_0' AND {condition}")
    for _ in range(2):
        found = await figures(journal, StatsFilter("ws_0", LONG, **wanted))  # type: ignore[arg-type]  # texts
        assert found["all"].calls == len(expected)
        await tally(journal)


async def test_a_short_period_is_exact(journal: Journal, query: Query) -> None:
    await tally(journal)
    period = Period(BEGIN + 1000.5, BEGIN + 5 * HOUR + 7.25)
    found = await figures(journal, StatsFilter("ws_0", period))
    within = f"started_us >= {period.since * 1e6} AND started_us < {period.until * 1e6}"
    expected = query(f"caller.workspace_id = 'ws_0' AND {within}")
    assert found["all"].calls == len(expected) > 0


async def test_a_long_period_is_whole_hours(journal: Journal, query: Query) -> None:
    for _ in range(2):
        period = Period(BEGIN + 3 * HOUR + 1, BEGIN + 20 * HOUR + 1)
        found = await figures(journal, StatsFilter("ws_0", period))
        since, until = (BEGIN + 3 * HOUR) * 1e6, (BEGIN + 21 * HOUR) * 1e6
        within = f"started_us >= {since} AND started_us < {until}"
        assert found["all"].calls == len(query(f"caller.workspace_id = 'ws_0' AND {within}"))
        await tally(journal)


async def test_single_hours(journal: Journal, query: Query) -> None:
    hours = frozenset(int(BEGIN // HOUR) + number for number in (2, 26))
    expected = query(
        "caller.workspace_id = 'ws_0' AND started_us / 3600000000 IN"
        f" ({', '.join(map(str, hours))})"
    )
    for _ in range(2):
        found = await figures(journal, StatsFilter("ws_0", LONG, hours=hours))
        assert found["all"].calls == len(expected) > 0
        await tally(journal)


async def test_by_hour_and_by_status(journal: Journal, query: Query) -> None:
    rows = query("caller.workspace_id = 'ws_0'")
    for _ in range(2):
        wanted = StatsFilter("ws_0", LONG)
        hours = await journal.sums(wanted, Dimension.HOUR)
        counted: Counter[int] = Counter()
        for part in hours:
            counted[part.hour] += part.calls
        assert len(counted) == 48
        assert counted.total() == len(rows)
        outcomes: Counter[Outcome] = Counter()
        for part in await journal.sums(wanted, Dimension.STATUS):
            outcomes[part.outcome] += part.calls
        assert outcomes[Outcome.OK] > 0
        assert outcomes.total() == len(rows)
        await tally(journal)


async def test_limits_of_servers(journal: Journal, query: Query) -> None:
    expected = len(query("caller.workspace_id = 'ws_0' AND upstream_status = 429"))
    for _ in range(2):
        found = await figures(journal, StatsFilter("ws_0", LONG))
        assert found["github"].rate_limited == expected > 0
        await journal.end(
            call_end(
                number=5,
                workspace_id="ws_0",
                server="github",
                outcome=Outcome.TOOL_ERROR,
                error_class="rate_limited",
                started_at=BEGIN + 5,
            )
        )
        expected += 1
        await tally(journal)


async def test_the_slowest_call_can_be_found(journal: Journal, query: Query) -> None:
    await tally(journal)
    end = call_end(3, workspace_id="ws_0", duration_us=10**9, started_at=BEGIN + 9)
    row = await journal.end(end)
    found = await figures(journal, StatsFilter("ws_0", LONG))
    assert (found["jira"].slowest_us, found["jira"].slowest_row) == (10**9, row)
    assert await journal.id_of(row) == end.start.call_id
    assert await journal.id_of(row + 1) == ""


async def test_of_an_empty_journal(store: Store) -> None:
    wanted = StatsFilter("ws_0", LONG)
    empty: list[Part] = []
    assert await store.journal.sums(wanted, Dimension.SERVER) == empty
    short = StatsFilter("ws_0", Period(BEGIN, BEGIN + HOUR))
    assert await store.journal.sums(short, Dimension.TOOL) == empty
