"""Brings a database file to the newest schema. Imported only when that is due: Alembic is slow.

Everything happens in one transaction, so a database is at the old schema or at the new one.
"""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import NullPool, create_engine

from mcpgw.errors import StorageError
from mcpgw.store.engine import open_connection


def migrate(path: Path, revisions: Path) -> None:
    """Run the due revisions of the folder `revisions` on the existing file `path`.

    Raises:
        StorageError: a revision cannot be applied; the file is as it was.
    """
    engine = create_engine("sqlite://", creator=lambda: _open(path), poolclass=NullPool)
    alembic_config = Config()
    # ConfigParser reads "%" as the start of a reference; a line break divides several places.
    folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")
    alembic_config.set_main_option("script_location", folder)
    alembic_config.set_main_option("path_separator", "newline")
    alembic_config.set_main_option("version_locations", str(revisions).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            alembic_config.attributes["connection"] = connection
            command.upgrade(alembic_config, "head")
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise StorageError(f"{path.name} has rows that belong to nothing", _HINT)
    except CommandError:
        raise StorageError(f"{path.name} cannot be brought to the newest schema", _HINT) from None


_HINT = "nothing was changed; put a backup in its place, or use the mcpgw that wrote it"


def _open(path: Path) -> sqlite3.Connection:
    connection = open_connection(path)
    # A revision that builds a table anew drops the old one, which must not remove its children.
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection
