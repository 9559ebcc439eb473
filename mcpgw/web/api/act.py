"""Administrative acts of a workspace: for admins."""

from msgspec import UNSET

from mcpgw.gateway.audit import Audit
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import cursor_of, read_cursor
from mcpgw.web.wire.act import Act, ActQuery
from mcpgw.web.wire.page import Page, Query


class ActApi:
    """Handlers."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def list(self, asked: Asked[ActQuery, None]) -> Page[Act]:
        """List administrative acts, newest first; with `after`, what came since, oldest first."""
        query, is_live = asked.query, asked.query.after is not UNSET
        before = read_cursor(query.cursor, int) if query.cursor else None
        # One more than is shown tells whether there is another page.
        wanted = query.wanted(query.limit + 1, before)
        found = list(await self._audit.acts(asked.principal, asked.slug, wanted))
        if not is_live:
            found.reverse()
        shown = found[: query.limit]
        is_more = len(found) > len(shown) and not is_live
        return Page(
            items=tuple(Act.of(seen, asked.slug) for seen in shown),
            next=cursor_of(shown[-1].seq) if is_more else None,
        )

    async def show(self, asked: Asked[Query, None]) -> Act:
        """Show one administrative act."""
        seen = await self._audit.act(asked.principal, asked.slug, asked.values["act"])
        return Act.of(seen, asked.slug)
