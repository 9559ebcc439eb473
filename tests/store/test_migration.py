"""The revisions build exactly the tables that the statements are made from."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, NullPool, create_engine

from mcpgw.config import load_config
from mcpgw.errors import StorageError
from mcpgw.model.audit import CallFilter, Outcome
from mcpgw.store import journal_tables, tables
from mcpgw.store.migration import migrate
from mcpgw.store.opened import open_store
from mcpgw.store.schema import CONFIGURATION, JOURNAL, Chain, prepare, schema_of
from tests.store.records import call_end, sign

CHAINS = [(CONFIGURATION, tables.configuration), (JOURNAL, journal_tables.journal)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "x.db").touch()
    return tmp_path / "x.db"


@pytest.mark.parametrize(("chain", "metadata"), CHAINS)
def test_the_revisions_build_the_tables(path: Path, chain: Chain, metadata: MetaData) -> None:
    migrate(path, chain.folder)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        built = ddl(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all())
    path.unlink()
    metadata.create_all(engine)
    with engine.connect() as connection:
        drawn = ddl(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all())
    # Alembic's comparison does not see everything: names of constraints, ON DELETE.
    assert built == drawn


def ddl(rows: object) -> dict[str, set[str]]:
    assert isinstance(rows, list)
    return {
        # A table that a revision built anew was renamed, which quotes its name.
        name: {line.strip().rstrip(",").replace(f'"{name}"', name) for line in sql.splitlines()}
        for name, sql in rows
        if sql and name != "alembic_version"
    }


@pytest.mark.parametrize(("chain", "metadata"), CHAINS)
def test_the_schema_number_is_the_newest_revision(chain: Chain, metadata: MetaData) -> None:
    config = Config()
    config.set_main_option("script_location", str(chain.folder.parent.parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(chain.folder))
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == chain.head
    assert all(revision.revision.isdecimal() for revision in script.walk_revisions())


OLD_CALL = {
    "call_id": "call_66517289c50900000ff",
    "workspace_id": "ws_demo",
    "method": "tools/call",
    "server_id": "srv_1",
    "server": "jira",
    "exposed": "jira__create_issue",
    "original": "create_issue",
    "token_id": "tok_1",
    "member": "ana@team.org",
    "client_address": "127.0.0.1",
    "client_name": "a client",
    "protocol_version": "2025-11-25",
    "started_at": 1_800_000_000.25,
    "duration_us": 1500,
    "outcome": "timeout",
    "error_class": "upstream_timeout",
    "request_bytes": 120,
    "result_bytes": 7,
}
"""A row of the first schema."""


async def test_an_old_journal_keeps_its_rows(tmp_path: Path) -> None:
    """A gateway of before there were two rows a call is brought up as it starts."""
    config = load_config({"home": tmp_path / "home"})
    prepare(config, create=True)
    path = config.journal_path
    path.unlink()
    path.touch()
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("revision_0001.py", "revision_0002.py"):
        shutil.copy(JOURNAL.folder / name, folder)
    migrate(path, folder)
    others = [
        OLD_CALL | {"outcome": "ok", "error_class": "", "started_at": 1_800_000_001.0},
        OLD_CALL | {"outcome": "denied", "server": "", "call_id": "call_odd", "token_id": "tok_2"},
    ]
    with closing(sqlite3.connect(path)) as connection:
        for values in (OLD_CALL, *others):
            marks = ", ".join("?" * len(values))
            statement = f"INSERT INTO call ({', '.join(values)}) VALUES ({marks})"  # noqa: S608
            connection.execute(statement, tuple(values.values()))
        connection.execute("INSERT INTO session VALUES ('s', 'w', 't', 0, '', '[]', 1.0, 2.0)")
        connection.commit()
    assert schema_of(path, JOURNAL) == "0002"
    store = await open_store(config, create=False, is_server=True)
    store.journal.sign_with(sign)
    seen = [event for _, event in await store.journal.find(CallFilter())]
    assert [event.outcome for event in seen] == [Outcome.TIMEOUT, Outcome.OK, Outcome.DENIED]
    assert {name: getattr(seen[0], name) for name in OLD_CALL} == OLD_CALL
    assert (seen[0].upstream_us, seen[2].upstream_us, seen[0].role) == (1500, 0, "")
    assert await store.journal.get("ws_demo", str(OLD_CALL["call_id"])) == seen[0]
    assert store.sessions.get("s") is not None
    assert await store.journal.end(call_end(9)) == 4
    assert await store.journal.last_used("ws_demo") == {
        "tok_1": 1_800_000_001.0,
        "tok_2": 1_800_000_000.25,
    }
    await store.close()


def test_migrating_again_changes_nothing(path: Path) -> None:
    migrate(path, JOURNAL.folder)
    before = path.read_bytes()
    migrate(path, JOURNAL.folder)
    assert path.read_bytes() == before


def test_a_database_of_another_chain_is_refused(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "one.py").write_text('revision, down_revision = "0007", None\ndef upgrade(): ...\n')
    migrate(path, folder)
    with pytest.raises(StorageError, match="cannot be brought"):
        migrate(path, JOURNAL.folder)
