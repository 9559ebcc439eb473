"""Administrative acts: every change of the configuration goes through `write`, with its act.

Both are one transaction. Acts are chained as calls are (see `model/chain.py`). Who changes
something without the master key leaves acts without a MAC, at the end only: whoever has the key
signs them before anything else.
"""

import getpass
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import structs
from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, update

from mcpgw.errors import Conflict, StorageError
from mcpgw.model.act import Act, ActFilter, ActSeen
from mcpgw.model.chain import Anchor, Verification
from mcpgw.store import tables
from mcpgw.store.act_verification import genesis_mac, mac_of, verify
from mcpgw.store.engine import Database
from mcpgw.store.rows import Sign

T = TypeVar("T")

_TABLE = tables.act

_LAST = select(_TABLE.c.seq, _TABLE.c.mac).order_by(_TABLE.c.seq.desc()).limit(1)
_SIGNED = select(func.max(_TABLE.c.seq)).where(_TABLE.c.mac.is_not(None)).scalar_subquery()
_UNSIGNED = select(_TABLE).where(_TABLE.c.seq > func.coalesce(_SIGNED, 0)).order_by(_TABLE.c.seq)
"""Those behind the last that has a MAC: one without between others was tampered with."""


class Acts:
    """Acts in the configuration database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sign: Sign | None = None
        self._account = _account()

    def sign_with(self, sign: Sign) -> None:
        """Sign acts from now on; before that they are recorded without a MAC."""
        self._sign = sign

    async def write(
        self,
        act: Act,
        statements: Callable[[Connection], T],
        taken: Conflict | None = None,
        *,
        is_urgent: bool = False,
    ) -> T:
        """Change something and record who did that, as `Database.write`: both or neither."""

        def with_act(connection: Connection) -> T:
            result = statements(connection)
            self._record(connection, act)
            return result

        return await self._database.write(with_act, taken, is_urgent=is_urgent)

    async def record(self, act: Act) -> None:
        """Record an act that changes nothing here.

        Raises:
            StorageError: it is not written.
        """
        await self.write(act, lambda _: None)

    async def sign_rest(self) -> int:
        """Sign what was recorded without the key; returns how many acts that were.

        Raises:
            StorageError: there is no key, or the database cannot be read or written.
        """
        sign = self._require_key()
        if not await self._database.read(lambda connection: connection.execute(_UNSIGNED).all()):
            return 0
        return await self._database.write(lambda connection: _sign_rest(connection, sign))

    async def find(self, wanted: ActFilter) -> Sequence[ActSeen]:
        """Return matching acts, oldest first.

        Raises:
            StorageError: the database cannot be read.
        """

        def statements(connection: Connection) -> list[ActSeen]:
            rows = connection.execute(_find(wanted))
            return sorted((_seen(row._asdict()) for row in rows), key=lambda one: one.seq)

        return await self._database.read(statements)

    async def head(self) -> Anchor | None:
        """Return number and MAC of the last signed act, None while there is none.

        Raises:
            StorageError: the database cannot be read.
        """

        def statements(connection: Connection) -> Anchor | None:
            row = connection.execute(_LAST.where(_TABLE.c.mac.is_not(None))).first()
            return None if row is None else Anchor(_chain(connection), row.seq, row.mac)

        return await self._database.read(statements)

    async def verify(self, anchors: Iterable[Anchor] = ()) -> Verification:
        """Look at every act, and hold anchors of this chain against them; others are passed over.

        Raises:
            StorageError: there is no key, or the database cannot be read.
        """
        sign = self._require_key()

        def statements(connection: Connection) -> Verification:
            rows = connection.execute(select(_TABLE).order_by(_TABLE.c.seq))
            return verify(_chain(connection), (row._asdict() for row in rows), sign, anchors)

        return await self._database.read(statements)

    def _require_key(self) -> Sign:
        if self._sign is None:
            raise StorageError("acts cannot be signed yet", "unlock the vault first")
        return self._sign

    def _record(self, connection: Connection, act: Act) -> None:
        """Add an act behind the others. Run it in a write."""
        if self._sign is not None:
            _sign_rest(connection, self._sign)
        last = connection.execute(_LAST).first()
        row = {"seq": last.seq + 1 if last else 1, "account": self._account, "mac": None}
        row |= structs.asdict(act) | {"kind": str(act.kind)}
        if self._sign is not None:
            before = last.mac if last else genesis_mac(_chain(connection), self._sign)
            row["mac"] = mac_of(row, before, self._sign)
        connection.execute(insert(_TABLE), row)


def _sign_rest(connection: Connection, sign: Sign) -> int:
    """Sign the acts at the end that have no MAC. Run it in a write."""
    rows = [row._asdict() for row in connection.execute(_UNSIGNED)]
    if not rows:
        return 0
    table, first = _TABLE.c, rows[0]["seq"]
    before = connection.execute(select(table.mac).where(table.seq == first - 1)).scalar()
    mac = before or genesis_mac(_chain(connection), sign)
    for row in rows:
        mac = mac_of(row, mac, sign)
        connection.execute(update(_TABLE).where(table.seq == row["seq"]).values(mac=mac))
    return len(rows)


def _find(wanted: ActFilter) -> Select[Any]:
    order = _TABLE.c.seq.desc() if wanted.after_seq is None else _TABLE.c.seq
    found = select(_TABLE).where(*_conditions(wanted)).order_by(order)
    return found.limit(wanted.newest)


def _conditions(wanted: ActFilter) -> Iterator[ColumnElement[bool]]:
    table = _TABLE.c
    if wanted.workspace_ids:
        yield table.workspace_id.in_(wanted.workspace_ids)
    if wanted.member:
        yield table.member == wanted.member
    if wanted.since is not None:
        yield table.at_us >= round(wanted.since * 1e6)
    if wanted.until is not None:
        yield table.at_us < round(wanted.until * 1e6)
    if wanted.seq is not None:
        yield table.seq == wanted.seq
    if wanted.before_seq is not None:
        yield table.seq < wanted.before_seq
    if wanted.after_seq is not None:
        yield table.seq > wanted.after_seq


def _seen(row: Mapping[str, Any]) -> ActSeen:
    act = Act(**{name: row[name] for name in Act.__struct_fields__})
    return ActSeen(row["seq"], row["account"], act)


def _chain(connection: Connection) -> str:
    """Return the id of the file's chain."""
    wanted = select(tables.meta.c.value).where(tables.meta.c.name == "acts")
    return str(connection.execute(wanted).scalar_one())


def _account() -> str:
    """Return the name of the account that this process runs under."""
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd  # it is not everywhere

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
