"""The journal of a gateway elsewhere."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from mcpgw.cli.remote.connection import Connection, segment
from mcpgw.model.act import ActFilter, ActSeen
from mcpgw.model.audit import AuditEvent, CallFilter
from mcpgw.model.token import Principal
from mcpgw.web.wire.act import Act, ActQuery
from mcpgw.web.wire.call import Call, CallQuery
from mcpgw.web.wire.page import MAX_LIMIT


class RemoteAudit:
    """As `gateway.audit.Audit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(
        self, principal: Principal, slug: str, wanted: CallFilter
    ) -> Sequence[tuple[int, AuditEvent]]:
        """Return the calls that match and that the token may see, in the order of their rows."""
        query = CallQuery.of(wanted)
        found = await self._connection.get_all(Call, "/calls", query, wanted.newest)
        rows = [(one.row or 0, one.event()) for one in found]
        return sorted(rows, key=lambda row: row[0])

    async def pages(
        self, principal: Principal, slug: str, wanted: CallFilter
    ) -> AsyncIterator[Sequence[AuditEvent]]:
        """Return all calls that match, in the order of their rows, some at a time."""
        wanted = replace(wanted, after_rowid=0, newest=MAX_LIMIT)
        while found := await self.find(principal, slug, wanted):
            yield [event for _, event in found]
            wanted = replace(wanted, after_rowid=found[-1][0])

    async def show(self, principal: Principal, slug: str, call_id: str) -> AuditEvent:
        """Return one call."""
        path = f"/calls/{segment('call', call_id)}"
        return (await self._connection.get(Call, path)).event()

    async def acts(self, principal: Principal, slug: str, wanted: ActFilter) -> Sequence[ActSeen]:
        """Return the administrative acts that match, oldest first."""
        query = ActQuery.of(wanted)
        found = await self._connection.get_all(Act, "/acts", query, wanted.newest)
        return sorted((one.seen() for one in found), key=lambda seen: seen.seq)

    async def act(self, principal: Principal, slug: str, act_id: str) -> ActSeen:
        """Return one administrative act."""
        return (await self._connection.get(Act, f"/acts/{segment('act', act_id)}")).seen()
