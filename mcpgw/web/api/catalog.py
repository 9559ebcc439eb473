"""The catalog: its entries, and adding those that are hosted. What runs here is the operator's."""

from mcpgw.gateway.catalog import Additions, Catalog, Wanted
from mcpgw.model.catalog import REMOTE
from mcpgw.model.secret import Secret
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import page_of
from mcpgw.web.wire.catalog import CatalogQuery, Entry, NewFromCatalog
from mcpgw.web.wire.page import Page, Query
from mcpgw.web.wire.server import AddedServer, Server, ServerTest


class CatalogApi:
    """Handlers."""

    def __init__(self, catalog: Catalog, additions: Additions) -> None:
        self._catalog = catalog
        self._additions = additions

    async def list(self, asked: Asked[CatalogQuery, None]) -> Page[Entry]:
        """List the entries of the catalog by name."""
        wanted = asked.query
        found = await self._catalog.search(
            asked.principal,
            wanted.words.split(),
            category=wanted.category,
            is_all=wanted.is_all,
        )
        return page_of(found, wanted, lambda entry: (entry.slug,), Entry.of)

    async def show(self, asked: Asked[Query, None]) -> Entry:
        """Show an entry: the ways to it, and what it asks for."""
        return Entry.of(await self._catalog.show(asked.principal, asked.values["entry"]))

    async def add(self, asked: Asked[Query, NewFromCatalog]) -> AddedServer:
        """Add a hosted server from the catalog, after it has been tried."""
        new = asked.body
        wanted = Wanted(
            entry=await self._catalog.show(asked.principal, asked.values["entry"]),
            name=new.name,
            via=REMOTE,
            is_read_only=new.read_only,
            answers=new.answers,
            secrets=tuple(new.secrets),
        )
        seen, tried = await self._additions.add_from_catalog(
            asked.principal,
            asked.slug,
            wanted,
            {name: Secret(value) for name, value in new.secrets.items()},
            has_consent=new.consent,
        )
        test = None if tried is None else ServerTest.of(tried)
        return AddedServer(server=Server.of(seen), test=test)
