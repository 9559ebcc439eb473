"""Calls in the journal: an admin sees all, a developer its own."""

from msgspec import UNSET

from mcpgw.gateway.audit import Audit
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import cursor_of, read_cursor
from mcpgw.web.wire.call import Call, CallQuery
from mcpgw.web.wire.page import Page, Query


class CallApi:
    """Handlers."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def list(self, asked: Asked[CallQuery, None]) -> Page[Call]:
        """List calls, newest first; with `after`, what was recorded since, oldest first."""
        query, is_live = asked.query, asked.query.after is not UNSET
        before = read_cursor(query.cursor, tuple[float, int]) if query.cursor else None
        # One more than is shown tells whether there is another page.
        wanted = query.wanted(query.limit + 1, before)
        found = list(await self._audit.find(asked.principal, asked.slug, wanted))
        if not is_live:
            found.sort(key=lambda one: (one[1].started_at, one[0]), reverse=True)
        shown = found[: query.limit]
        more = None
        if len(found) > len(shown) and not is_live:
            row, event = shown[-1]
            more = cursor_of((event.started_at, row))
        calls = (Call.of(event, asked.slug, row) for row, event in shown)
        return Page(items=tuple(calls), next=more)

    async def show(self, asked: Asked[Query, None]) -> Call:
        """Show one call."""
        event = await self._audit.show(asked.principal, asked.slug, asked.values["call"])
        return Call.of(event, asked.slug)
