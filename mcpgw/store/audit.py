"""The journal of calls: rows go in by the writer's thread, questions are answered beside it.

Never holds a payload: the tables have no column for one.
"""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from mcpgw.errors import StorageError
from mcpgw.model.audit import (
    AuditEvent,
    CallEnd,
    CallFilter,
    CallStart,
    Outcome,
    ServerUse,
    call_id,
    read_call_id,
)
from mcpgw.model.chain import Anchor, Verification
from mcpgw.model.statistics import Dimension, Part, StatsFilter
from mcpgw.store import call, prune, statistics, tally, verification
from mcpgw.store.engine import Database, raw
from mcpgw.store.rows import BOX, SERVE, Ended, Rows, Sign, head
from mcpgw.store.writer import Writer

CHECKPOINT_PAGES = 1000
"""4 MB of log: SQLite's own default."""

PRUNE_PAUSE_S = 0.03
"""Between two steps of pruning: whoever waits for the lock asks for it every 25 ms."""


class Journal:
    """The journal of calls.

    Only the serving process moves the log into the database (`is_server`): SQLite before 3.51.3
    can damage a database when several processes do.
    """

    def __init__(self, path: Path, *, is_server: bool, is_durable: bool = True) -> None:
        self._rows = Rows(SERVE if is_server else BOX)
        self.writer = Writer(
            path,
            self._rows,
            checkpoint_pages=CHECKPOINT_PAGES if is_server else 0,
            is_durable=is_durable,
        )
        self._database = Database(path)

    @property
    def problem(self) -> StorageError | None:
        """Why nothing can be recorded at present, None when it can."""
        return self.writer.problem

    def sign_with(self, sign: Sign) -> None:
        """Sign rows from now on; before that none is taken."""
        self._rows.sign_with(sign)

    def begin(self, start: CallStart) -> asyncio.Future[int]:
        """Queue the row of a call that goes to its server; the future ends with its number.

        Raises:
            StorageError: (from the future) the row is not written.
        """
        return self.writer.record(start)

    def end(self, end: CallEnd, start_seq: int | None = None) -> asyncio.Future[int]:
        """Queue the row of a call's end; the future ends with its number, once it is committed.

        Args:
            end: what is known of the call.
            start_seq: the number of the row of its start, if another process wrote that one.

        Raises:
            StorageError: (from the future) the row is not written.
        """
        # A refusal for rate takes its time anyway, and floods consist of them.
        is_urgent = end.outcome is not Outcome.LIMITED
        return self.writer.record(Ended(end, start_seq), is_urgent=is_urgent)

    def probe(self) -> asyncio.Future[None]:
        """Write something that means nothing, to find out whether that works.

        Raises:
            StorageError: (from the future) it does not.
        """
        return self.writer.change(_touch)

    async def find(self, wanted: CallFilter) -> Sequence[tuple[int, AuditEvent]]:
        """Return the newest matching calls that ended with their row ids, in the order of those.

        After `after_rowid` it is the first matching rows instead, so that none is passed over.

        Raises:
            StorageError: the journal cannot be read.
        """

        def statements(connection: Connection) -> list[tuple[int, AuditEvent]]:
            rows = connection.execute(call.described(call.find(wanted)))
            return sorted(((row.seq, call.event_of(row)) for row in rows), key=lambda one: one[0])

        return await self._database.read(statements)

    async def get(self, workspace_id: str, text: str) -> AuditEvent | None:
        """Return the call of that id, None when there is none; one under way is `running`.

        Raises:
            StorageError: the journal cannot be read.
        """
        identity = read_call_id(text)
        if identity is None:
            return None

        def statements(connection: Connection) -> AuditEvent | None:
            wanted = call.with_id(call.END, identity)
            wanted = wanted.where(call.END.c.workspace == call.label_of(workspace_id))
            row = connection.execute(call.described(wanted)).first()
            if row is not None:
                return call.event_of(row)
            start = connection.execute(call.started(call.with_id(call.START, identity))).first()
            if start is None or start.workspace_id != workspace_id:
                return None
            return call.running(call.start_of(start))

        return await self._database.read(statements)

    async def unfinished(self) -> Sequence[tuple[int, CallStart]]:
        """Return the calls without an end whose process is gone, with the numbers of their starts.

        Raises:
            StorageError: the journal cannot be read.
        """

        def statements(connection: Connection) -> list[tuple[int, CallStart]]:
            rows = connection.execute(call.started(call.without_end()))
            return [
                (row.seq, call.start_of(row)) for row in rows if not _may_run(row.kind, row.pid)
            ]

        return await self._database.read(statements)

    async def verify(self, anchors: Sequence[Anchor] = ()) -> Verification:
        """Look at every row, and hold anchors of this chain against them; others are passed over.

        Raises:
            StorageError: there is no key, or the journal cannot be read.
        """
        path, sign = self._database.path, self._rows.require_key()
        return await self._database.run(lambda: verification.verify(path, sign, anchors))

    async def head(self) -> Anchor | None:
        """Return number and MAC of the last row, None while there is none.

        Raises:
            StorageError: the journal cannot be read.
        """
        return await self._database.read(lambda connection: head(raw(connection)))

    async def sums(self, wanted: StatsFilter, by: Dimension) -> Sequence[Part]:
        """Return sums of the matching calls by name, hour and outcome.

        Raises:
            StorageError: the journal cannot be read.
        """
        return await self._database.read(
            lambda connection: list(statistics.sums(connection, wanted, by))
        )

    async def id_of(self, row: int) -> str:
        """Return the id of the call with that row, empty when the row is not there any more.

        Raises:
            StorageError: the journal cannot be read.
        """
        end = call.END.c
        wanted = select(end.started_us, end.number).where(end.seq == row)

        def statements(connection: Connection) -> str:
            found = connection.execute(wanted).first()
            return "" if found is None else call_id(*found)

        return await self._database.read(statements)

    async def tally(self) -> bool:
        """Add up some of the calls that are in no tally yet; say whether there were any.

        Raises:
            StorageError: the journal cannot be read or written.
        """

        def statements(connection: Connection) -> tuple[int, int, list[tally.Tally]]:
            after = tally.tallied(raw(connection))
            return after, *tally.count(raw(connection), after)

        after, last, counted = await self._database.read(statements)
        if last > after:
            await self.writer.change(lambda connection: tally.add(connection, after, last, counted))
        return last > after

    async def prune(self, before: float, now: float) -> int:
        """Take away the calls of before that moment that are in the tallies; return the rows gone.

        Raises:
            StorageError: there is no key, or the journal cannot be read or written.
        """
        sign = self._rows.require_key()
        await self.writer.change(self._rows.begin)
        last = await self._database.read(
            lambda connection: prune.last_to_prune(raw(connection), round(before * 1e6))
        )
        gone = 0
        while taken := await self.writer.change(
            lambda connection: prune.prune_some(connection, sign, last, round(now * 1e6))
        ):
            gone += taken
            await asyncio.sleep(PRUNE_PAUSE_S)
        if gone:
            await self._remove_unused()
        return gone

    async def forget_tallies(self, before: float) -> None:
        """Remove the tallies of before that moment.

        Raises:
            StorageError: the journal cannot be written.
        """
        await self.writer.change(lambda connection: tally.forget(connection, round(before * 1e6)))

    async def _remove_unused(self) -> None:
        """Remove what nothing speaks of any more."""
        seq, found = await self._database.read(lambda connection: prune.unused(raw(connection)))

        def statements(connection: sqlite3.Connection) -> None:
            prune.remove_unused(connection, seq, found)
            self._rows.look_again()

        await self.writer.change(statements)

    async def last_used(self, workspace_id: str) -> Mapping[str, float]:
        """Return the time of the last call by token id.

        Raises:
            StorageError: the journal cannot be read.
        """
        caller = call.CALLER.c
        known = select(caller.token_id).where(caller.workspace_id == workspace_id).distinct()
        token_id = known.subquery().c.token_id

        def statements(connection: Connection) -> dict[str, float]:
            rows = connection.execute(call.newest_of(token_id, call.END.c.token))
            return {text: us / 1e6 for text, us in rows if us is not None}

        return await self._database.read(statements)

    async def servers_used(self, workspace_id: str, member: str) -> Mapping[str, ServerUse]:
        """Return what a member did with each server, by the server's name at that time.

        Raises:
            StorageError: the journal cannot be read.
        """
        wanted = call.servers_used(workspace_id, member)

        def statements(connection: Connection) -> dict[str, ServerUse]:
            rows = connection.execute(wanted)
            return {row.server: ServerUse(row.calls, row.last_us / 1e6) for row in rows}

        return await self._database.read(statements)

    async def latest(self) -> float:
        """Return the newest time recorded, 0.0 when the journal is empty.

        Raises:
            StorageError: the journal cannot be read.
        """
        workspace_id = select(call.CALLER.c.workspace_id).distinct().subquery().c.workspace_id

        def statements(connection: Connection) -> float:
            rows = connection.execute(call.newest_of(workspace_id, call.END.c.workspace))
            return max((us / 1e6 for _, us in rows if us is not None), default=0.0)

        return await self._database.read(statements)

    async def close(self) -> None:
        """Write what is queued and close every connection."""
        await self.writer.close()
        await self._database.close()


def _touch(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE meta SET value = value WHERE name = 'chain'")


def _may_run(kind: str, pid: int) -> bool:
    """Say whether a call of that process may be under way: only one serves, and that is the caller.

    A number that another process has by now only keeps such a call open until the next look.
    """
    if kind == SERVE:
        return False
    if sys.platform == "win32":  # there it would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
