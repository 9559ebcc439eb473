"""Whatever is changed in the journal behind our back is found, and the first bad row is named."""

# ruff: noqa: S608  (names of ours in statements)

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.model.chain import Anchor, Verification
from mcpgw.store.rows import BOX, Rows, chain_id, head
from mcpgw.store.schema import prepare
from mcpgw.store.verification import verify
from tests.store.history import calls, write
from tests.store.records import NOW, call_start, new_rows, sign

CALLS = 60
EDITS = 150

Tamper = Callable[[sqlite3.Connection, random.Random], int | None]
"""Changes something; returns the number of the first row that must be found, None for any."""


@pytest.fixture
def journal(config: Config, tmp_path: Path) -> Path:
    """A journal of two processes, without the triggers that keep its rows."""
    prepare(config, create=True)
    path = config.journal_path
    write(path, calls(CALLS, first_at=NOW, last_at=NOW + 3600))
    other = Rows(BOX)
    other.sign_with(sign)
    write(path, calls(CALLS, first_at=NOW + 3600, last_at=NOW + 7200, seed=2), other)
    write(path, iter([call_start(7, started_at=NOW + 9000)]))
    with closing(sqlite3.connect(path)) as connection:
        for table in ("call_start", "call_end"):
            for kept in ("rows", "values"):
                connection.execute(f"DROP TRIGGER {table}_keeps_{kept}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def rows_of(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return the table and number of every row."""
    both = "SELECT 'call_start', seq FROM call_start UNION ALL SELECT 'call_end', seq FROM call_end"
    return connection.execute(f"{both} ORDER BY 2").fetchall()


def anchor_of(path: Path) -> Anchor:
    with closing(sqlite3.connect(path)) as connection:
        found = head(connection)
    assert found is not None
    return found


def test_a_journal_as_it_was_written(journal: Path) -> None:
    anchor = anchor_of(journal)
    found = verify(journal, sign, [anchor])
    assert found.problem == ""
    assert (found.first, found.last, found.rows) == (1, anchor.seq, anchor.seq)
    assert (found.anchors, found.unfinished, found.unsigned, found.pruned) == (1, 1, 0, 0)
    with closing(sqlite3.connect(journal)) as connection:
        assert found.chain == chain_id(connection)
        assert found.rows == len(rows_of(connection))


def test_an_empty_journal(config: Config) -> None:
    prepare(config, create=True)
    found = verify(config.journal_path, sign)
    assert (found.problem, found.rows) == ("", 0)
    gone = verify(config.journal_path, sign, [Anchor(found.chain, 5, bytes(16))])
    assert (gone.bad_seq, "gone" in gone.problem) == (5, True)


def test_a_journal_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        verify(tmp_path / "none.db", sign)


def test_another_key_finds_fault_at_once(journal: Path) -> None:
    found = verify(journal, lambda message: sign(message + b"!"))
    assert found.bad_seq == 0
    assert "checkpoint" in found.problem


def edit(connection: sqlite3.Connection, chance: random.Random) -> int:
    """Change one value of one row."""
    table, seq = chance.choice(rows_of(connection))
    names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    name = chance.choice([name for name in names if name not in ("seq", "mac", "start_seq")])
    value = connection.execute(f"SELECT {name} FROM {table} WHERE seq = ?", (seq,)).fetchone()[0]
    other = value + chance.choice((-1, 1, 1000)) if isinstance(value, int) else value + b"!"
    connection.execute(f"UPDATE {table} SET {name} = ? WHERE seq = ?", (other, seq))
    return seq


def edit_mac(connection: sqlite3.Connection, chance: random.Random) -> int:
    table, seq = chance.choice(rows_of(connection))
    value = chance.choice((None, b"", chance.randbytes(16), "text"))
    if value is None and table == "call_start":
        value = b"x"
    connection.execute(f"UPDATE {table} SET mac = ? WHERE seq = ?", (value, seq))
    return seq


def delete(connection: sqlite3.Connection, chance: random.Random) -> int:
    table, seq = chance.choice(rows_of(connection)[:-1])
    connection.execute(f"DELETE FROM {table} WHERE seq = ?", (seq,))
    return seq


def truncate(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Cut off the end: only an anchor tells."""
    _, seq = chance.choice(rows_of(connection))
    for table in ("call_start", "call_end"):
        connection.execute(f"DELETE FROM {table} WHERE seq >= ?", (seq,))


def insert(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Put a copy of a row behind the last one, or into a gap made for it."""
    rows = rows_of(connection)
    table, seq = chance.choice(rows)
    names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    copied = ", ".join("NULL" if name == "start_seq" else name for name in names[1:])
    free = chance.choice((rows[-1][1] + 1, 0, -5))
    connection.execute(
        f"INSERT INTO {table} SELECT {free}, {copied} FROM {table} WHERE seq = ?", (seq,)
    )


def insert_between(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Move everything behind some row by one, and put a copy into the gap."""
    table, seq = chance.choice(rows_of(connection)[:-1])
    for name in ("call_start", "call_end"):
        connection.execute(f"UPDATE {name} SET seq = -(seq + 1) WHERE seq > ?", (seq,))
        connection.execute(f"UPDATE {name} SET seq = -seq WHERE seq < 0")
    names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    copied = ", ".join("NULL" if name == "start_seq" else name for name in names[1:])
    connection.execute(
        f"INSERT INTO {table} SELECT seq + 1, {copied} FROM {table} WHERE seq = ?", (seq,)
    )


def duplicate(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Give a row of the other table a number that is taken."""
    seqs = [seq for table, seq in rows_of(connection) if table == "call_end"]
    connection.execute(
        "INSERT INTO call_start SELECT ?, writer_id, caller_id, target_id, started_us, number,"
        " request_bytes, arguments, mac FROM call_start LIMIT 1",
        (chance.choice(seqs),),
    )


def reorder(connection: sqlite3.Connection, chance: random.Random) -> int:
    """Let two rows of a table change places."""
    table = chance.choice(("call_start", "call_end"))
    seqs = [seq for name, seq in rows_of(connection) if name == table]
    one, other = sorted(chance.sample(seqs, 2))
    for old, new in ((one, -1), (other, one), (-1, other)):
        connection.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (new, old))
    return one


def swap_writers(connection: sqlite3.Connection, chance: random.Random) -> None:
    for table in ("call_start", "call_end"):
        connection.execute(f"UPDATE {table} SET writer_id = 3 - writer_id WHERE writer_id < 3")


def rename(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Let all rows of somebody speak of somebody else."""
    table = chance.choice(("caller", "target"))
    (number,) = chance.choice(connection.execute(f"SELECT {table}_id FROM call_end").fetchall())
    names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    name = chance.choice(names[2:])
    connection.execute(f"UPDATE {table} SET {name} = {name} || 'x' WHERE id = ?", (number,))


def relabel(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Hide rows from the questions that find them by a label."""
    column = chance.choice(("workspace", "token", "server", "error"))
    (number,) = chance.choice(connection.execute(f"SELECT {column} FROM call_end").fetchall())
    connection.execute("UPDATE label SET text = text || 'x' WHERE id = ?", (number,))


def forge_checkpoint(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Let the chain begin later, or elsewhere."""
    table, seq = chance.choice(rows_of(connection)[:-1])
    mac = connection.execute(f"SELECT mac FROM {table} WHERE seq = ?", (seq,)).fetchone()[0]
    if chance.random() < 0.5:
        made = "SELECT ?, ?, 'prune', ?, made_us, signature FROM checkpoint LIMIT 1"
        connection.execute(f"INSERT INTO checkpoint {made}", (seq, mac, seq))
    else:
        connection.execute("UPDATE checkpoint SET seq = ?, mac = ?, rows = ?", (seq, mac, seq))
    for name in ("call_start", "call_end"):
        connection.execute(f"DELETE FROM {name} WHERE seq <= ?", (seq,))


def remove_checkpoint(connection: sqlite3.Connection, chance: random.Random) -> None:
    connection.execute("DELETE FROM checkpoint")


def disown(connection: sqlite3.Connection, chance: random.Random) -> None:
    """Let everything pass for rows of before there were MACs."""
    connection.execute("DELETE FROM checkpoint")
    connection.execute("DELETE FROM call_start")
    connection.execute("UPDATE call_end SET mac = NULL, start_seq = NULL")


def replace_chain(connection: sqlite3.Connection, chance: random.Random) -> None:
    connection.execute("UPDATE meta SET value = 'calls-00' WHERE name = 'chain'")


EVERYTHING: list[Tamper] = [
    *(edit, edit_mac, delete, truncate, insert, insert_between, duplicate, reorder),
    *(swap_writers, rename, relabel, forge_checkpoint, remove_checkpoint, disown),
    replace_chain,
]


def tampered(journal: Path, copy: Path, tamper: Tamper, chance: random.Random) -> Verification:
    """Return what is found in a copy that was tampered with; insist on the row to be named."""
    anchor = anchor_of(journal)
    shutil.copy(journal, copy)
    with closing(sqlite3.connect(copy)) as connection:
        wanted = tamper(connection, chance)
        connection.commit()
    found = verify(copy, sign, [anchor])
    assert found.problem, tamper.__name__
    assert found.bad_seq is not None
    assert wanted is None or found.bad_seq == wanted, (tamper.__name__, found)
    copy.unlink()
    return found


@pytest.mark.parametrize("tamper", EVERYTHING)
def test_whatever_is_changed_is_found(journal: Path, tmp_path: Path, tamper: Tamper) -> None:
    chance = random.Random(tamper.__name__)  # noqa: S311  (what to change, no secret)
    for _ in range(EDITS // len(EVERYTHING)):
        tampered(journal, tmp_path / "copy.db", tamper, chance)


@pytest.mark.long
def test_one_thousand_changes_are_all_found(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20261120)  # noqa: S311  (what to change, no secret)
    counted: dict[str, int] = {}
    for _ in range(1000):
        tamper = chance.choice(EVERYTHING)
        tampered(journal, tmp_path / "copy.db", tamper, chance)
        counted[tamper.__name__] = counted.get(tamper.__name__, 0) + 1
    with capsys.disabled():
        print(f"\n1,000 changes, all found: {counted}")  # noqa: T201  (what it is for)


def test_without_an_anchor_only_the_cut_end_is_unknown(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("DELETE FROM call_start WHERE seq > 50")
        connection.execute("DELETE FROM call_end WHERE seq > 50")
        connection.commit()
    assert verify(journal, sign).problem == ""


def test_an_anchor_of_other_rows(journal: Path) -> None:
    """Somebody wrote a whole journal anew, with the key."""
    anchor = anchor_of(journal)
    found = verify(journal, sign, [Anchor(anchor.chain, 5, bytes(16)), anchor])
    assert (found.bad_seq, "anchored" in found.problem) == (5, True)


def test_several_anchors_are_all_held_against_it(journal: Path) -> None:
    anchor = anchor_of(journal)
    write(journal, calls(3, first_at=NOW + 9999, last_at=NOW + 10_000), new_rows())
    found = verify(journal, sign, [anchor, anchor_of(journal), anchor])
    assert (found.problem, found.anchors) == ("", 3)
