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
from mcpgw.model.audit import CallStart
from mcpgw.store import writer as module
from mcpgw.store.engine import open_connection
from mcpgw.store.rows import Ended
from mcpgw.store.schema import prepare
from mcpgw.store.writer import MAX_WAITING, Writer
from tests.store.children import run, start
from tests.store.records import call_start, ended, new_rows


@pytest.fixture
def path(config: Config) -> Path:
    prepare(config, create=True)
    return config.journal_path


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    writer = Writer(path, new_rows(), checkpoint_pages=1000)
    yield writer
    await writer.close()


def recorded(path: Path) -> list[int]:
    """Return the numbers of the calls whose ends are written."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT number FROM call_end ORDER BY seq").fetchall()
    return [number for (number,) in rows]


async def test_a_row_is_there_when_its_future_ends(writer: Writer, path: Path) -> None:
    for number in range(3):
        await writer.record(ended(number))
        assert recorded(path)[-1] == number


async def test_rows_keep_the_order_in_which_they_came(writer: Writer, path: Path) -> None:
    futures = [writer.record(ended(number)) for number in range(500)]
    await asyncio.gather(*futures)
    assert recorded(path) == list(range(500))


async def test_a_row_that_is_not_urgent_goes_with_one_that_is(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEISURE_S", 3600.0)
    patient = [writer.record(ended(number), is_urgent=False) for number in range(2)]
    writer.change(lambda connection: None)
    await asyncio.gather(*patient)
    patient = [writer.record(ended(number), is_urgent=False) for number in range(2, 4)]
    for _ in range(5):
        await asyncio.sleep(0.001)
    assert recorded(path) == [0, 1]
    await writer.record(ended(4))
    assert recorded(path) == [0, 1, 2, 3, 4]
    await asyncio.gather(*patient)


async def test_a_row_that_is_not_urgent_waits_for_none(writer: Writer, path: Path) -> None:
    assert await writer.record(ended(1), is_urgent=False) == 1
    assert recorded(path) == [1]


async def test_a_caller_that_is_gone_costs_the_others_nothing(writer: Writer, path: Path) -> None:
    futures = [writer.record(ended(number)) for number in range(10)]
    futures[3].cancel()
    await asyncio.gather(*futures[:3], *futures[4:])
    assert len(recorded(path)) == 10


async def test_no_thread_before_the_first_row(writer: Writer) -> None:
    assert "journal" not in {thread.name for thread in threading.enumerate()}
    await writer.record(ended())
    assert "journal" in {thread.name for thread in threading.enumerate()}


async def test_closing_writes_what_is_queued(path: Path) -> None:
    writer = Writer(path, new_rows(), checkpoint_pages=0)
    futures = [writer.record(ended(number)) for number in range(100)]
    await writer.close()
    assert all(future.done() for future in futures)
    assert len(recorded(path)) == 100
    with pytest.raises(StorageError, match="closed"):
        await writer.record(ended())


async def test_closing_without_a_row(path: Path) -> None:
    await Writer(path, new_rows(), checkpoint_pages=0).close()


async def test_a_journal_that_cannot_keep_up_refuses(writer: Writer, path: Path) -> None:
    with closing(open_connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")  # the disk stands still
        futures = [writer.record(ended(number)) for number in range(MAX_WAITING * 2 + 1)]
        refused = [future for future in futures if future.done()]
        assert 0 < len(refused) <= MAX_WAITING + 1
        with pytest.raises(StorageError, match="cannot keep up"):
            await refused[0]
        other.execute("COMMIT")
    answers = await asyncio.gather(*futures, return_exceptions=True)
    written = sum(isinstance(answer, int) for answer in answers)
    assert len(recorded(path)) == written == len(futures) - len(refused)


async def test_one_row_that_cannot_be_stored_fails_alone(writer: Writer, path: Path) -> None:
    futures = [
        writer.record(ended(1)),
        writer.record(ended(2, member="\udcff")),
        writer.record(ended(3, request_bytes=1 << 63)),
        writer.record(ended(4)),
    ]
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(answer, int) for answer in answers] == [True, False, False, True]
    assert [type(answer) for answer in answers[1:3]] == [StorageError] * 2
    assert recorded(path) == [1, 4]


async def test_other_statements_are_committed_with_the_rows(writer: Writer, path: Path) -> None:
    def note(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta SELECT 'noted', count(*) FROM call_end")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE nothing SET x = 1")

    def noted() -> list[tuple[str]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT value FROM meta WHERE name = 'noted'").fetchall()

    number, nothing = await asyncio.gather(writer.record(ended(1)), writer.change(note))
    assert (number, nothing) == (1, None)
    assert noted() == [("1",)]
    with pytest.raises(StorageError):
        await writer.change(fail)
    assert await writer.record(ended(2)) == 2
    assert recorded(path) == [1, 2]


async def test_starts_and_ends_are_numbered_together(writer: Writer, path: Path) -> None:
    whats: list[CallStart | Ended] = [
        call_start(1),
        call_start(2),
        ended(2),
        ended(3),
        call_start(4),
        ended(1),
    ]
    numbers = await asyncio.gather(*map(writer.record, whats))
    assert numbers == [1, 2, 3, 4, 5, 6]
    with closing(sqlite3.connect(path)) as connection:
        ends = connection.execute("SELECT seq, start_seq, number FROM call_end ORDER BY seq")
        assert ends.fetchall() == [(3, 2, 2), (4, None, 3), (6, 1, 1)]


async def test_a_start_and_its_end_may_be_written_apart(writer: Writer, path: Path) -> None:
    await writer.record(call_start(1))
    with pytest.raises(StorageError):
        await writer.record(ended(2, request_bytes=1 << 63))
    await writer.record(ended(1))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT start_seq FROM call_end").fetchall() == [(1,)]


def has_problem(writer: Writer) -> bool:
    return writer.problem is not None and bool(writer.problem.hint)


async def test_the_last_problem_is_known_until_it_is_over(writer: Writer, path: Path) -> None:
    assert not has_problem(writer)
    away = path.with_name("away")
    os.rename(path, away)
    with pytest.raises(StorageError):
        await writer.record(ended())
    assert has_problem(writer)
    os.rename(away, path)
    await writer.record(ended())
    assert not has_problem(writer)


async def test_less_durable_when_asked(path: Path) -> None:
    def synchronous(connection: sqlite3.Connection) -> None:
        found.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    found: list[int] = []
    for is_durable in (True, False):
        writer = Writer(path, new_rows(), checkpoint_pages=0, is_durable=is_durable)
        await writer.change(synchronous)
        await writer.close()
    assert found == [2, 1]


async def test_failures_are_told_to_everybody_and_end(writer: Writer, path: Path) -> None:
    await writer.record(ended(1))
    away = path.with_name("away")
    os.rename(path, away)
    futures = [writer.record(ended(number)) for number in range(3)]
    errors = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(error) for error in errors] == [StorageError] * 3
    assert len({id(error) for error in errors}) == 3
    os.rename(away, path)
    await writer.record(ended(2))
    assert recorded(path) == [1, 2]


async def test_rows_go_to_the_file_that_stands_at_the_path(writer: Writer, path: Path) -> None:
    """Somebody restored a backup under the running process."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = path.with_name("backup")
    shutil.copy(path, backup)
    await writer.record(ended(1))
    for name in ("journal.db-wal", "journal.db-shm"):
        path.with_name(name).unlink()
    os.replace(backup, path)
    await writer.record(ended(2))
    assert recorded(path) == [2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_an_error_of_our_own_leaves_nobody_waiting(writer: Writer, path: Path) -> None:
    broken = ended(outcome="no outcome")
    with pytest.raises(StorageError, match="the journal failed"):
        await writer.record(broken)
    await writer.record(ended(1))
    assert recorded(path) == [1]


RECORD = """
import asyncio, os, sys
from pathlib import Path
from mcpgw.store.writer import Writer
from tests.store.children import run, start
from tests.store.records import ended, new_rows

async def call(writer, first):
    for number in range(first, first + 10_000):
        await writer.record(ended(number))
        os.write(1, f"{number}\\n".encode())

async def main(path, round):
    writer = Writer(Path(path), new_rows(), checkpoint_pages=20)
    async with asyncio.TaskGroup() as group:
        for caller in range(8):
            group.create_task(call(writer, (round * 8 + caller) * 10_000))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_kill_9_loses_no_acknowledged_row(path: Path) -> None:
    chance = random.Random(20261120)  # noqa: S311  (when to kill, no secret)
    for number in range(3):
        before = len(recorded(path))
        child = start(RECORD, path, str(number))
        assert child.stdout is not None
        read = [child.stdout.readline() for _ in range(chance.randrange(1, 2000))]
        child.send_signal(signal.SIGKILL)
        read += child.communicate(timeout=10)[0].splitlines(keepends=True)
        acknowledged = [int(line) for line in read if line.endswith(b"\n")]
        rows = recorded(path)
        assert len(rows) - before >= len(acknowledged) > 0
        assert set(acknowledged) <= set(rows)


FILL = """
import asyncio, resource, sys
from pathlib import Path
from mcpgw.errors import StorageError
from mcpgw.store.writer import Writer
from tests.store.children import run, start
from tests.store.records import ended, new_rows

async def main(path):
    writer = Writer(path, new_rows(), checkpoint_pages=1000)
    await writer.record(ended(0))
    size = max(file.stat().st_size for file in path.parent.iterdir())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50_000, before[1]))
    kept, refused = [0], 0
    for number in range(1, 600, 3):
        rows = [writer.record(ended(number + row)) for row in range(3)]
        answers = await asyncio.gather(*rows, return_exceptions=True)
        if all(isinstance(answer, int) for answer in answers):
            kept += range(number, number + 3)
        else:
            assert all(isinstance(answer, StorageError) for answer in answers), answers
            refused += 3
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await writer.record(ended(1000))
    await writer.close()
    print(refused, *kept, 1000)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_full_disk_refuses_rows_until_there_is_room(path: Path) -> None:
    refused, *kept = map(int, run(FILL, path).split())
    assert refused > 0
    assert recorded(path) == kept


async def test_a_loop_that_is_gone_does_not_end_the_thread(path: Path) -> None:
    writer = Writer(path, new_rows(), checkpoint_pages=0)

    async def leave() -> None:
        writer.record(ended(1))

    with closing(open_connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        gone = threading.Thread(target=lambda: asyncio.run(leave()))
        gone.start()
        gone.join()
        other.execute("COMMIT")
    await writer.record(ended(2))
    await writer.close()
    assert recorded(path) == [1, 2]
