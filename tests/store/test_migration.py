"""The revisions build exactly the tables that the statements are made from."""

import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import structs
from sqlalchemy import MetaData, NullPool, create_engine

from mcpgw.errors import StorageError
from mcpgw.store import tables
from mcpgw.store.migration import migrate
from mcpgw.store.schema import CONFIGURATION, JOURNAL, Chain, bring_up, schema_of
from tests.store.records import event

CHAINS = [(CONFIGURATION, tables.configuration), (JOURNAL, tables.journal)]


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


def test_an_old_journal_keeps_its_rows(path: Path, tmp_path: Path) -> None:
    """A gateway of before there were stored sessions is brought up as it starts."""
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(JOURNAL.folder / "revision_0001.py", folder)
    migrate(path, folder)
    row = event()
    values = {**structs.asdict(row), "outcome": row.outcome.value}
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(tables.call.insert().values(values))
    assert schema_of(path, JOURNAL) == "0001"
    bring_up(path, JOURNAL, "0001")
    assert schema_of(path, JOURNAL) == JOURNAL.head
    with engine.begin() as connection:
        (kept,) = connection.execute(tables.call.select())
        assert {**values, "id": 1} == kept._mapping
        assert connection.execute(tables.session.select()).all() == []


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
