"""Statements about servers. A launch is stored as JSON: `{"stdio": {...}}` or `{"http": {...}}`."""

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from mcpgw.errors import Conflict, NotFound
from mcpgw.model.act import Act
from mcpgw.model.server import HttpLaunch, Launch, Server, StdioLaunch
from mcpgw.store import tables
from mcpgw.store.act import Acts

_GONE = "see: mcpgw server list"


class _StoredLaunch(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    stdio: StdioLaunch | None = None
    http: HttpLaunch | None = None


class Servers:
    """Servers in the configuration database."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def add(self, server: Server, act: Act) -> None:
        """Add a server behind the others of its workspace.

        Raises:
            Conflict: its name is taken in the workspace.
            NotFound: the workspace is gone.
        """

        def statements(connection: Connection) -> None:
            table = tables.server
            last = select(func.coalesce(func.max(table.c.position), 0))
            values = {
                "id": server.id,
                "workspace_id": server.workspace_id,
                "name": server.name,
                "prefix": server.prefix,
                "launch": _write_launch(server.launch),
                "is_enabled": server.is_enabled,
                "created_at": server.created_at,
                "position": connection.execute(last).scalar_one() + 1,
                "is_approved": server.is_approved,
                "is_private_allowed": server.is_private_allowed,
            }
            connection.execute(insert(table), values)

        await self._acts.write(
            act,
            statements,
            Conflict(
                f"there is already a server {server.name!r}",
                "choose another name, or remove that one first: mcpgw server remove",
            ),
        )

    async def remove(self, server_id: str, act: Act) -> None:
        """Remove a server and its secrets.

        Raises:
            NotFound: it is gone already.
        """

        def statements(connection: Connection) -> None:
            wanted = delete(tables.server).where(tables.server.c.id == server_id)
            if connection.execute(wanted).rowcount == 0:
                raise NotFound("the server is gone already", _GONE)

        await self._acts.write(act, statements)

    async def set_enabled(self, server_id: str, is_enabled: bool, act: Act) -> None:
        """Switch a server on or off.

        Raises:
            NotFound: there is no such server.
        """
        await self._set(server_id, act, is_enabled=is_enabled)

    async def set_approved(self, server_id: str, is_approved: bool, act: Act) -> None:
        """Let admins switch a child process on and off, or not any more.

        Raises:
            NotFound: there is no such server.
        """
        await self._set(server_id, act, is_approved=is_approved)

    async def _set(self, server_id: str, act: Act, **values: bool) -> None:
        def statements(connection: Connection) -> None:
            wanted = update(tables.server).where(tables.server.c.id == server_id)
            if connection.execute(wanted.values(values)).rowcount == 0:
                raise NotFound("the server is gone", _GONE)

        await self._acts.write(act, statements)


def read(connection: Connection) -> dict[str, tuple[Server, ...]]:
    """Return every server by workspace id, in the order they were added."""
    found: dict[str, tuple[Server, ...]] = {}
    for row in connection.execute(select(tables.server).order_by(tables.server.c.position)):
        server = Server(
            id=row.id,
            workspace_id=row.workspace_id,
            name=row.name,
            prefix=row.prefix,
            launch=_read_launch(row.launch),
            is_enabled=row.is_enabled,
            created_at=row.created_at,
            is_approved=row.is_approved,
            is_private_allowed=row.is_private_allowed,
        )
        found[server.workspace_id] = (*found.get(server.workspace_id, ()), server)
    return found


def _write_launch(launch: Launch) -> str:
    if isinstance(launch, StdioLaunch):
        return msgspec.json.encode(_StoredLaunch(stdio=launch)).decode()
    return msgspec.json.encode(_StoredLaunch(http=launch)).decode()


def _read_launch(text: str) -> Launch:
    stored = msgspec.json.decode(text, type=_StoredLaunch)
    launch = stored.stdio or stored.http
    if launch is None:
        raise ValueError("neither kind of launch")
    return launch
