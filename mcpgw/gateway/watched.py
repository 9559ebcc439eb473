"""Which servers are watched for news, and what they agreed to tell.

Servers are asked in the background; whoever needs their agreement waits for it as long as that is
worth. What a server does not agree to is tried again by the pool.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from mcpgw.errors import GatewayError
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.ports import Spawn, Upstreams
from mcpgw.gateway.secret import Reach
from mcpgw.protocol.era import Era

logger = logging.getLogger(__name__)


class _Wish(NamedTuple):
    """What is wanted of one server; see `Upstreams.watch`."""

    fingerprint: str
    uris: frozenset[str]
    eras: frozenset[Era]


class Watched:
    """The servers whose news somebody wants."""

    def __init__(self, listings: Listings, upstreams: Upstreams, spawn: Spawn) -> None:
        self._listings = listings
        self._upstreams = upstreams
        self._spawn = spawn
        self._wishes: dict[str, _Wish] = {}
        self._agreeing: dict[str, asyncio.Task[None]] = {}
        self._honoured: dict[str, frozenset[str]] = {}
        """What the servers agreed to; one that could not be watched is not in it."""

    def want(self, wanted: Mapping[str, tuple[Reach, set[str]]], eras: frozenset[Era]) -> None:
        """Begin to have servers (by id) watched for their lists and these resources.

        `eras` are those of the clients that want to know.
        """
        for server_id, (reach, uris) in wanted.items():
            wish = _Wish(reach.fingerprint, frozenset(uris), eras)
            if self._wishes.get(server_id) != wish:
                self._wishes[server_id] = wish
                self._agreeing[server_id] = self._spawn(self._watch(reach, wish))

    def doubt(self, server_ids: Iterable[str]) -> None:
        """Ask those anew that did not agree: they were away, and may be back."""
        for server_id in server_ids:
            if server_id not in self._honoured and not self._is_agreeing(server_id):
                self._wishes.pop(server_id, None)

    async def agreed(self, server_ids: Iterable[str], patience_s: float) -> None:
        """Wait until these servers have agreed or refused, but not for ever."""
        asking = [self._agreeing[one] for one in server_ids if self._is_agreeing(one)]
        if asking:
            await asyncio.wait(asking, timeout=patience_s)

    def is_honoured(self, server_id: str, uri: str) -> bool:
        """Say whether a server agreed to tell of the changes of a resource."""
        return uri in self._honoured.get(server_id, ())

    def keep_only(self, server_ids: Collection[str]) -> None:
        """Let go of the servers that are gone, or that nobody listens to any more."""
        for server_id in self._wishes.keys() - set(server_ids):
            self._upstreams.unwatch(server_id)
            del self._wishes[server_id]
            self._agreeing.pop(server_id, None)
            self._honoured.pop(server_id, None)

    def _is_agreeing(self, server_id: str) -> bool:
        """Say whether a server is being asked for what is wanted of it now."""
        task = self._agreeing.get(server_id)
        return task is not None and not task.done()

    async def _watch(self, reach: Reach, wish: _Wish) -> None:
        try:
            honoured = await self._upstreams.watch(
                reach.server, reach.fingerprint, reach.fill, wish.uris, wish.eras
            )
        except GatewayError as error:
            # The pool goes on trying; what the server lists is asked for by age meanwhile.
            logger.info("server %s is not watched yet: %s", reach.server.name, error.message)
            honoured = None
        else:
            # What changed before it was watched went unheard.
            self._listings.doubt(reach.server.id)
        server_id = reach.server.id
        if self._wishes.get(server_id) != wish:
            return  # something else is wanted by now
        self._honoured.pop(server_id, None)
        if honoured is not None:
            self._honoured[server_id] = honoured
