"""Rows are acknowledged when they are on the disk: through kill -9, a full disk and a crowd."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from mcpgw.config import Config
from mcpgw.errors import StorageError
from mcpgw.store.engine import open_connection
from mcpgw.store.schema import prepare
from mcpgw.store.writer import MAX_WAITING, Writer
from tests.store.children import run, start
from tests.store.records import event


@pytest.fixture
def path(config: Config) -> Path:
    prepare(config, create=True)
    return config.journal_path


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    writer = Writer(path, checkpoint_pages=1000)
    yield writer
    await writer.close()


def recorded(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT call_id FROM call ORDER BY id").fetchall()
    return [call_id for (call_id,) in rows]


async def test_a_row_is_there_when_its_future_ends(writer: Writer, path: Path) -> None:
    for number in range(3):
        await writer.record(event(f"call_{number}"))
        assert recorded(path)[-1] == f"call_{number}"


async def test_rows_keep_the_order_in_which_they_came(writer: Writer, path: Path) -> None:
    futures = [writer.record(event(f"call_{number}")) for number in range(500)]
    await asyncio.gather(*futures)
    assert recorded(path) == [f"call_{number}" for number in range(500)]


async def test_a_caller_that_is_gone_costs_the_others_nothing(writer: Writer, path: Path) -> None:
    futures = [writer.record(event(f"call_{number}")) for number in range(10)]
    futures[3].cancel()
    await asyncio.gather(*futures[:3], *futures[4:])
    assert len(recorded(path)) == 10


async def test_no_thread_before_the_first_row(writer: Writer) -> None:
    assert "journal" not in {thread.name for thread in threading.enumerate()}
    await writer.record(event())
    assert "journal" in {thread.name for thread in threading.enumerate()}


async def test_closing_writes_what_is_queued(path: Path) -> None:
    writer = Writer(path, checkpoint_pages=0)
    futures = [writer.record(event(f"call_{number}")) for number in range(100)]
    await writer.close()
    assert all(future.done() for future in futures)
    assert len(recorded(path)) == 100
    with pytest.raises(StorageError, match="closed"):
        await writer.record(event())


async def test_closing_without_a_row(path: Path) -> None:
    await Writer(path, checkpoint_pages=0).close()


async def test_a_journal_that_cannot_keep_up_refuses(writer: Writer, path: Path) -> None:
    with closing(open_connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")  # the disk stands still
        futures = [writer.record(event(str(number))) for number in range(MAX_WAITING * 2 + 1)]
        refused = [future for future in futures if future.done()]
        assert 0 < len(refused) <= MAX_WAITING + 1
        with pytest.raises(StorageError, match="cannot keep up"):
            await refused[0]
        other.execute("COMMIT")
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert len(recorded(path)) == answers.count(None) == len(futures) - len(refused)


async def test_one_row_that_cannot_be_stored_fails_alone(writer: Writer, path: Path) -> None:
    futures = [
        writer.record(event("call_1")),
        writer.record(event("call_2", member="\udcff")),
        writer.record(event("call_3", request_bytes=1 << 63)),
        writer.record(event("call_4")),
    ]
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert [answer is None for answer in answers] == [True, False, False, True]
    assert [type(answer) for answer in answers[1:3]] == [StorageError] * 2
    assert recorded(path) == ["call_1", "call_4"]


async def test_other_statements_are_committed_with_the_rows(writer: Writer, path: Path) -> None:
    def rename(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE call SET call_id = call_id || '!'")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE nothing SET x = 1")

    await asyncio.gather(writer.record(event("call_1")), writer.change(rename))
    await writer.record(event("call_2"))
    assert recorded(path) == ["call_1!", "call_2"]
    with pytest.raises(StorageError):
        await writer.change(fail)
    await writer.change(rename)
    assert recorded(path) == ["call_1!!", "call_2!"]


async def test_failures_are_told_to_everybody_and_end(writer: Writer, path: Path) -> None:
    await writer.record(event("call_1"))
    away = path.with_name("away")
    os.rename(path, away)
    futures = [writer.record(event(f"lost_{number}")) for number in range(3)]
    errors = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(error) for error in errors] == [StorageError] * 3
    assert len({id(error) for error in errors}) == 3
    os.rename(away, path)
    await writer.record(event("call_2"))
    assert recorded(path) == ["call_1", "call_2"]


async def test_rows_go_to_the_file_that_stands_at_the_path(writer: Writer, path: Path) -> None:
    """Somebody restored a backup under the running process."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = path.with_name("backup")
    shutil.copy(path, backup)
    await writer.record(event("call_1"))
    for name in ("journal.db-wal", "journal.db-shm"):
        path.with_name(name).unlink()
    os.replace(backup, path)
    await writer.record(event("call_2"))
    assert recorded(path) == ["call_2"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_an_error_of_our_own_leaves_nobody_waiting(writer: Writer, path: Path) -> None:
    broken = event(outcome="no outcome")  # type: ignore[arg-type]  # that is the error
    with pytest.raises(StorageError, match="the journal failed"):
        await writer.record(broken)
    await writer.record(event("call_1"))
    assert recorded(path) == ["call_1"]


RECORD = """
import asyncio, os, sys
from pathlib import Path
from mcpgw.store.writer import Writer
from tests.store.children import run, start
from tests.store.records import event

async def call(writer, caller):
    for number in range(10_000):
        await writer.record(event(f"{caller}-{number}"))
        os.write(1, f"{caller}-{number}\\n".encode())

async def main(path):
    writer = Writer(Path(path), checkpoint_pages=20)
    async with asyncio.TaskGroup() as group:
        for caller in range(8):
            group.create_task(call(writer, caller))

asyncio.run(main(sys.argv[1]))
"""


def test_kill_9_loses_no_acknowledged_row(path: Path) -> None:
    chance = random.Random(20261120)  # noqa: S311  (when to kill, no secret)
    for _ in range(3):
        before = set(recorded(path))
        child = start(RECORD, path)
        assert child.stdout is not None
        read = [child.stdout.readline() for _ in range(chance.randrange(1, 2000))]
        child.send_signal(signal.SIGKILL)
        read += child.communicate(timeout=10)[0].splitlines(keepends=True)
        acknowledged = [line.strip().decode() for line in read if line.endswith(b"\n")]
        rows = recorded(path)
        assert len(rows) - len(before) >= len(acknowledged) > 0
        assert set(acknowledged) <= set(rows)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE call SET call_id = 'before-' || call_id")
            connection.commit()


FILL = """
import asyncio, resource, sys
from pathlib import Path
from mcpgw.errors import StorageError
from mcpgw.store.writer import Writer
from tests.store.children import run, start
from tests.store.records import event

async def main(path):
    writer = Writer(path, checkpoint_pages=1000)
    await writer.record(event("first"))
    size = max(file.stat().st_size for file in path.parent.iterdir())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50_000, before[1]))
    kept, refused = ["first"], 0
    for number in range(200):
        rows = [writer.record(event(f"{number}-{row}")) for row in range(3)]
        answers = await asyncio.gather(*rows, return_exceptions=True)
        if answers == [None] * 3:
            kept += [f"{number}-{row}" for row in range(3)]
        else:
            assert all(isinstance(answer, StorageError) for answer in answers), answers
            refused += 3
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await writer.record(event("last"))
    await writer.close()
    print(refused, *kept, "last")

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_full_disk_refuses_rows_until_there_is_room(path: Path) -> None:
    refused, *kept = run(FILL, path).split()
    assert int(refused) > 0
    assert recorded(path) == kept


async def test_a_loop_that_is_gone_does_not_end_the_thread(path: Path) -> None:
    writer = Writer(path, checkpoint_pages=0)

    async def leave() -> None:
        writer.record(event("call_1"))

    with closing(open_connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        gone = threading.Thread(target=lambda: asyncio.run(leave()))
        gone.start()
        gone.join()
        other.execute("COMMIT")
    await writer.record(event("call_2"))
    await writer.close()
    assert recorded(path) == ["call_1", "call_2"]
