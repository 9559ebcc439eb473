"""Making the data directory: private, once, and never over something it does not know."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mcpgw.config import Config, load_config
from mcpgw.errors import Conflict, NotFound, StorageError
from mcpgw.store.schema import Chain, bring_up, prepare, schema_of
from tests.store.children import run, start


def files(config: Config) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in config.home.iterdir() if path.suffix == ".db"}


def install_id(config: Config) -> str:
    with closing(sqlite3.connect(config.configuration_path)) as connection:
        (found,) = connection.execute("SELECT value FROM meta").fetchone()
    return str(found)


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_preparing_again_changes_nothing(config: Config) -> None:
    prepare(config, create=True)
    first, before = install_id(config), files(config)
    assert set(before) == {"configuration.db", "journal.db"}
    prepare(config, create=True)
    prepare(config, create=False)
    assert files(config) == before
    assert install_id(config) == first


def test_every_installation_has_its_own_id(tmp_path: Path) -> None:
    configs = [load_config({"home": tmp_path / name}) for name in ("one", "two")]
    for config in configs:
        prepare(config, create=True)
    assert install_id(configs[0]) != install_id(configs[1])


def test_where_nothing_is_nothing_is_made_unasked(config: Config) -> None:
    with pytest.raises(NotFound, match="no gateway in") as raised:
        prepare(config, create=False)
    assert str(config.home) in raised.value.message
    assert raised.value.hint == "run: mcpgw init"
    assert not config.home.exists()


@pytest.mark.parametrize("left", ["nothing", "an empty file", "an empty database"])
def test_a_start_that_was_cut_off_is_taken_up(config: Config, left: str) -> None:
    config.home.mkdir(parents=True)
    if left == "an empty file":
        config.configuration_path.touch()
    elif left == "an empty database":
        execute(config.configuration_path, "PRAGMA journal_mode = WAL")
    with pytest.raises(NotFound):
        prepare(config, create=False)
    prepare(config, create=True)
    assert len(install_id(config)) == 32


def test_a_journal_that_was_taken_away_is_made_anew(config: Config) -> None:
    prepare(config, create=True)
    config.journal_path.unlink()
    prepare(config, create=False)
    assert config.journal_path.stat().st_size > 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_owner_can_read_whatever_the_umask(config: Config, umask: int) -> None:
    config.home.parent.mkdir()
    before = os.umask(umask)
    try:
        prepare(config, create=True)
        with closing(sqlite3.connect(config.configuration_path)) as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            connection.commit()
            modes = {path.name: path.stat().st_mode & 0o777 for path in config.home.iterdir()}
    finally:
        os.umask(before)
    assert config.home.stat().st_mode & 0o777 == 0o700
    assert "configuration.db-wal" in modes
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_can_read_is_closed_to_them(config: Config) -> None:
    prepare(config, create=True)
    config.configuration_path.chmod(0o644)
    prepare(config, create=False)
    assert config.configuration_path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["configuration.db", "journal.db"])
def test_a_database_of_a_newer_version_is_left_as_it_is(config: Config, name: str) -> None:
    prepare(config, create=True)
    execute(config.home / name, "UPDATE alembic_version SET version_num = '0999'")
    before = files(config)
    for create in (True, False):
        with pytest.raises(Conflict, match=rf"{name} was written by a newer mcpgw \(schema 0999; "):
            prepare(config, create=create)
    assert files(config) == before


@pytest.mark.parametrize("content", [b"x", b"no database at all " * 1000, b"SQLite format 3\0 cut"])
def test_a_file_that_is_no_database_is_left_as_it_is(config: Config, content: bytes) -> None:
    config.home.mkdir(parents=True)
    config.configuration_path.write_bytes(content)
    with pytest.raises(StorageError, match="no database") as raised:
        prepare(config, create=True)
    assert raised.value.hint
    assert files(config) == {"configuration.db": content}


def test_a_damaged_database_is_left_as_it_is(config: Config) -> None:
    prepare(config, create=True)
    damaged = bytearray(config.configuration_path.read_bytes())
    damaged[100:2000] = b"\xff" * 1900
    config.configuration_path.write_bytes(damaged)
    with pytest.raises(StorageError, match="damaged or no database"):
        prepare(config, create=True)
    assert config.configuration_path.read_bytes() == damaged


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE recipe (name TEXT)"],
        ["CREATE TABLE alembic_version (version_num TEXT)"],
        [
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('a1b2c3')",
        ],
    ],
)
def test_a_database_of_another_program_is_left_as_it_is(
    config: Config, statements: list[str]
) -> None:
    config.home.mkdir(parents=True)
    execute(config.configuration_path, *statements)
    before = files(config)
    with pytest.raises(StorageError, match="no database of mcpgw"):
        prepare(config, create=True)
    assert files(config) == before


def test_a_data_directory_that_cannot_be_made(tmp_path: Path, config: Config) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(StorageError, match="cannot be opened or written") as raised:
            prepare(replace(config, home=home), create=True)
        assert str(home) in raised.value.message


def test_a_directory_where_a_database_should_be(config: Config) -> None:
    config.configuration_path.mkdir(parents=True)
    with pytest.raises(StorageError):
        prepare(config, create=True)


FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "child",
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")),
    )
    op.execute("INSERT INTO parent VALUES (1)")
    op.execute("INSERT INTO child VALUES (1)")
"""

SECOND = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    with op.batch_alter_table("parent", recreate="always") as batch:
        batch.add_column(sa.Column("name", sa.Text))
"""

ORPHANED = SECOND + '    op.execute(sa.delete(sa.table("parent")))\n'
FAILING = SECOND + '    op.execute("SELECT nothing")\n'


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    folder = tmp_path / "revisions 100%"
    folder.mkdir()
    (folder / "first.py").write_text(FIRST)
    return Chain("0001", folder)


def test_an_older_database_is_brought_up_beside_a_copy(tmp_path: Path, chain: Chain) -> None:
    path = tmp_path / "x.db"
    bring_up(path, chain, schema_of(path, chain))
    execute(path, "UPDATE parent SET id = 7", "UPDATE child SET parent_id = 7")
    (chain.folder / "second.py").write_text(SECOND)
    newer = Chain("0002", chain.folder)
    assert schema_of(path, newer) == "0001"
    bring_up(path, newer, "0001")
    assert schema_of(path, newer) == "0002"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id, name FROM parent").fetchall() == [(7, None)]
        assert connection.execute("SELECT parent_id FROM child").fetchall() == [(7,)]
    copy = tmp_path / "x.db.schema-0001"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema_of(copy, chain) == "0001"
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM parent").fetchall() == [(7,)]


@pytest.mark.parametrize("second", [ORPHANED, FAILING])
def test_a_step_that_fails_leaves_the_old_schema(tmp_path: Path, chain: Chain, second: str) -> None:
    path = tmp_path / "x.db"
    bring_up(path, chain, None)
    before = path.read_bytes()
    (chain.folder / "second.py").write_text(second)
    with pytest.raises(StorageError):
        bring_up(path, Chain("0002", chain.folder), "0001")
    assert path.read_bytes() == before
    assert schema_of(path, Chain("0002", chain.folder)) == "0001"


PREPARE = """
import os, sys
from mcpgw.config import load_config
from mcpgw.store import migration, schema
config = load_config({"home": sys.argv[1]})
print("ready", flush=True)
os.read(0, 1)
schema.prepare(config, create=True)
"""


def test_processes_that_make_the_same_directory_at_once(config: Config) -> None:
    reading, writing = os.pipe()
    children = [start(PREPARE, config.home, stdin=reading) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    os.write(writing, b"go!")
    for child in children:
        child.communicate(timeout=30)
    os.close(reading)
    os.close(writing)
    assert [child.returncode for child in children] == [0, 0, 0]
    prepare(config, create=False)
    assert len(install_id(config)) == 32


def test_alembic_is_imported_only_when_a_change_is_due(config: Config) -> None:
    prepare(config, create=True)
    program = """
import asyncio, sys
import mcpgw.store
from mcpgw.config import load_config
from mcpgw.store.opened import open_store
async def main():
    store = await open_store(load_config({"home": sys.argv[1]}), create=True, is_server=True)
    await store.close()
asyncio.run(main())
sys.exit("alembic" in sys.modules)
"""
    run(program, config.home)
