"""Whether the journal is whole, at the box."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mcpgw.model.chain import read_anchors
from tests.cli.conftest import Cli


@pytest.fixture
def called(echo: Cli) -> Cli:
    """After two calls: ok, denied."""
    echo("call", "echo__echo")
    echo("call", "nothing", exit_code=3)
    return echo


def test_a_journal_as_it_was_written(called: Cli) -> None:
    said = called("logs", "verify").out
    assert "3 rows as they were written, 1 to 3" in said
    found, _ = called.json("logs", "verify")
    assert (found["is_whole"], found["rows"], found["problem"]) == (True, 3, "")


def test_what_admins_did_is_verified_too(called: Cli) -> None:
    said = called("logs", "verify").out.splitlines()[1]
    assert said.startswith("acts-")
    assert "2 rows as they were written, 1 to 2, 1 row without a MAC" in said
    called("token", "issue", "--no-test")
    _, found = called.json("logs", "verify")
    assert (found["is_whole"], found["rows"], found["unsigned"]) == (True, 4, 0)
    with closing(sqlite3.connect(called.home / "configuration.db")) as configuration:
        configuration.execute("DROP TRIGGER act_keeps_values")
        configuration.execute("UPDATE act SET member = 'eve' WHERE seq = 3")
        configuration.commit()
    done = called("logs", "verify", exit_code=7)
    assert ": row 3: it is not as it was written" in done.out
    assert "nothing was pruned" in called("logs", "prune", "--keep", "1s", exit_code=5).err


def test_a_row_that_somebody_changed(called: Cli) -> None:
    with closing(sqlite3.connect(called.home / "journal.db")) as journal:
        journal.execute("DROP TRIGGER call_end_keeps_values")
        journal.execute("UPDATE call_end SET duration_us = 1 WHERE seq = 2")
        journal.commit()
    done = called("logs", "verify", exit_code=7)
    assert ": row 2: it is not as it was written" in done.out
    assert "not as it was written" in done.err
    refused = called("logs", "prune", "--keep", "1s", exit_code=5)
    assert "nothing was pruned" in refused.err


def test_rows_cut_off_at_the_end(called: Cli, tmp_path: Path) -> None:
    found, _ = called.json("logs", "verify")
    with closing(sqlite3.connect(called.home / "journal.db")) as journal:
        mac = journal.execute("SELECT mac FROM call_end WHERE seq = 3").fetchone()[0]
    log = tmp_path / "serve.log"
    log.write_text(f"x info mcpgw.telemetry.anchor: mcpgw-anchor {found['chain']} 3 {mac.hex()}\n")
    assert len(read_anchors(log.read_text())) == 1
    assert "1 anchor held against it" in called("logs", "verify", "--anchor", str(log)).out
    with closing(sqlite3.connect(called.home / "journal.db")) as journal:
        journal.execute("DROP TRIGGER call_end_keeps_rows")
        journal.execute("DELETE FROM call_end WHERE seq = 3")
        journal.commit()
    called("logs", "verify")
    assert "row 3" in called("logs", "verify", "--anchor", str(log), exit_code=7).out
    log.write_text(f"mcpgw-anchor calls-00 3 {mac.hex()}\n")
    assert "was replaced" in called("logs", "verify", "--anchor", str(log), exit_code=7).out


def test_a_file_without_anchors(called: Cli, tmp_path: Path) -> None:
    called("logs", "verify", "--anchor", str(tmp_path / "none"), exit_code=2)
    (tmp_path / "empty").touch()
    assert (
        "no anchor"
        in called("logs", "verify", "--anchor", str(tmp_path / "empty"), exit_code=2).err
    )


def test_old_calls_are_removed(called: Cli) -> None:
    assert called.json("logs", "prune", "--keep", "1h") == {"pruned_rows": 0}
    assert "3 rows removed" in called("logs", "prune", "--keep", "0s").err
    assert called.json("logs", "--only", "calls") == []
    found, _ = called.json("logs", "verify")
    assert (found["is_whole"], found["rows"], found["pruned"]) == (True, 0, 3)
    called("call", "echo__echo")
    assert "2 rows as they were written, 4 to 5, 3 rows pruned" in called("logs", "verify").out
    called("logs", "prune", "--keep", "long", exit_code=2)
