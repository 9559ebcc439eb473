"""Looks whether the databases are whole. Changes nothing."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.store.engine import map_errors, open_connection

MAX_FINDINGS = 3
"""Of what SQLite finds wrong with one file: the first ones tell enough."""


def check_databases(config: Config) -> Mapping[str, str]:
    """Return what is wrong with each database by its file name, empty when it is whole."""
    return {path.name: _check(path) for path in (config.configuration_path, config.journal_path)}


def _check(path: Path) -> str:
    try:
        with map_errors(path.name), closing(open_connection(path, is_read_only=True)) as connection:
            rows = connection.execute(f"PRAGMA quick_check({MAX_FINDINGS})").fetchall()
    except StorageError as error:
        return error.message
    findings = [str(row[0]) for row in rows]
    return "" if findings == ["ok"] else "; ".join(findings)
