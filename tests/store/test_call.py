"""Questions to the journal are answered by its indexes, however long it grows."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from mcpgw.config import Config
from mcpgw.model.audit import SUCCESSES, CallFilter, Outcome
from mcpgw.store import call
from mcpgw.store.opened import Store
from tests.store.records import NOW, call_end


def plan_of(config: Config, statement: Select[Any]) -> str:
    compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with closing(sqlite3.connect(config.journal_path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {compiled}").fetchall()
    return "\n".join(str(detail) for *_, detail in rows)


FAILURES = tuple(set(Outcome) - SUCCESSES)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (CallFilter(workspace_id="w"), "call_end_by_workspace_started_us"),
        (CallFilter(workspace_id="w", since=NOW), "call_end_by_workspace_started_us"),
        (CallFilter(workspace_id="w", before=(NOW, 7)), "call_end_by_workspace_started_us"),
        (CallFilter(workspace_id="w", member="m", target="x"), "call_end_by_workspace_started_us"),
        (CallFilter(workspace_id="w", server="s"), "call_end_by_workspace_server_started_us"),
        (CallFilter(workspace_id="w", token_id="t"), "call_end_by_token_started_us"),
        (CallFilter(workspace_id="w", outcomes=FAILURES), "call_end_failed"),
        (CallFilter(workspace_id="w", outcomes=(Outcome.DENIED,)), "call_end_failed"),
    ],
)
async def test_the_newest_calls_come_from_an_index(
    store: Store, config: Config, wanted: CallFilter, index: str
) -> None:
    await store.journal.end(call_end())
    plan = plan_of(config, call.find(wanted))
    assert f"USING INDEX {index} " in plan
    assert "TEMP B-TREE" not in plan


async def test_a_live_view_goes_on_from_the_last_row(store: Store, config: Config) -> None:
    await store.journal.end(call_end())
    plan = plan_of(config, call.find(CallFilter(workspace_id="w", after_rowid=5)))
    assert "SEARCH call_end USING INTEGER PRIMARY KEY (rowid>?)" in plan


async def test_what_numbers_stand_for_costs_a_look_each(store: Store, config: Config) -> None:
    await store.journal.end(call_end())
    plan = plan_of(config, call.described(call.find(CallFilter(workspace_id="w"))))
    assert "SCAN caller" not in plan
    assert "SCAN call_end" not in plan
