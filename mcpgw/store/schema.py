"""Makes both databases where there are none, and brings older ones to the newest schema.

Looking comes first, for both files and without writing: a file that is no database, belongs to
another program or was written by a newer mcpgw is left as it is. Alembic is imported only when a
change is due.
"""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from mcpgw.config import Config
from mcpgw.errors import Conflict, NotFound, StorageError
from mcpgw.store import journal_tables, tables
from mcpgw.store.engine import map_errors, open_connection

_SMALLEST_DATABASE_BYTES = 512

_REVISIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True, slots=True)
class Chain:
    """One database's revisions: `head` is the newest in the folder. Names are numbers: `0001`."""

    head: str
    folder: Path


CONFIGURATION = Chain(tables.CONFIGURATION_SCHEMA, _REVISIONS / "configuration/versions")
JOURNAL = Chain(journal_tables.JOURNAL_SCHEMA, _REVISIONS / "journal/versions")


def prepare(config: Config, *, create: bool) -> None:
    """Make both databases ready to be opened.

    Args:
        config: where they are.
        create: whether to make them where there are none.

    Raises:
        NotFound: there is no gateway here and `create` is off.
        Conflict: a newer mcpgw wrote a database.
        StorageError: the data directory or a database cannot be used.
    """
    home = config.home
    with map_errors(str(home)):
        found = {
            path: (chain, schema_of(path, chain))
            for path, chain in (
                (config.configuration_path, CONFIGURATION),
                (config.journal_path, JOURNAL),
            )
        }
        if not create and found[config.configuration_path][1] is None:
            raise NotFound(f"no gateway in {home}", "run: mcpgw init")
        _make_directory(home)
        for path, (chain, schema) in found.items():
            bring_up(path, chain, schema)
            _keep_private(path)


def schema_of(path: Path, chain: Chain) -> str | None:
    """Return the schema number of the file, None where there is no table yet. Writes nothing.

    Raises:
        Conflict: a newer mcpgw wrote it.
        StorageError: it is no database of mcpgw.
    """
    size_bytes = path.stat().st_size if path.exists() else 0
    if size_bytes == 0:
        return None
    # SQLite takes a file that cannot hold a page for an empty one.
    version = _read_version(path) if size_bytes >= _SMALLEST_DATABASE_BYTES else ""
    if version is None:
        return None
    if not version.isdecimal():
        raise StorageError(f"{path} is no database of mcpgw", "use another --home, or move it away")
    if int(version) > int(chain.head):
        raise Conflict(
            f"{path.name} was written by a newer mcpgw"
            f" (schema {version}; this one knows {chain.head})",
            "install the newer mcpgw again; nothing was changed",
        )
    return version


def _read_version(path: Path) -> str | None:
    """Return the number that Alembic left, None without any table, "" when others wrote those."""
    with map_errors(path.name), closing(open_connection(path, is_read_only=True)) as connection:
        wanted = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = {name for (name,) in connection.execute(wanted)}
        if "alembic_version" not in names:
            return "" if names else None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""


def bring_up(path: Path, chain: Chain, schema: str | None) -> None:
    """Make the file or bring it from `schema` to the newest one, keeping a copy of the old.

    Raises:
        StorageError: it cannot be done; the file is as it was.
    """
    if schema == chain.head:
        return
    with map_errors(path.name):
        if schema is None:
            _create_private(path)
        else:
            _back_up(path, path.with_name(f"{path.name}.schema-{schema}"))
        # Late, because it takes longer to import than everything else of a start.
        from mcpgw.store.migration import migrate

        migrate(path, chain.folder)


def _back_up(path: Path, copy: Path) -> None:
    unfinished = copy.with_name(copy.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    _create_private(unfinished)
    with (
        closing(open_connection(path, is_read_only=True)) as source,
        closing(sqlite3.connect(unfinished)) as target,
    ):
        source.backup(target)
    os.replace(unfinished, copy)


def _make_directory(home: Path) -> None:
    if not home.is_dir():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)


def _create_private(path: Path) -> None:
    """Make an empty file that only we can read; SQLite gives its log the same mode.

    A file that is there is not even opened: closing it would end the locks that SQLite holds on it
    in this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        path.chmod(0o600)


def _keep_private(path: Path) -> None:
    """Take from others what a copy or a careless umask gave them."""
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
