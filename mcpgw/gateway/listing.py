"""tools/list and friends: asks all servers side by side, remembers, merges.

A list is served from memory and renewed behind it; only the very first one waits, and only as long
as the time limit. A server that is down keeps its last lists and costs no other server anything.
Each era has its own lists: a server that speaks both may offer different things in each, or run as
two processes.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from msgspec import Raw

from mcpgw.errors import GatewayError, ProtocolError, UpstreamError
from mcpgw.gateway.offer import Item, Listed, Offer, Share
from mcpgw.gateway.ports import Clock, Upstream, Upstreams
from mcpgw.gateway.ports import Spawn as Spawn
from mcpgw.gateway.ruling import Rulings
from mcpgw.gateway.secret import Filler, Reach
from mcpgw.model.configuration import Configuration
from mcpgw.model.workspace import Workspace
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import LISTS, Era
from mcpgw.protocol.exchange import Lane, Notification, Outgoing
from mcpgw.protocol.merge import read_items
from mcpgw.protocol.translate import params_to_upstream

logger = logging.getLogger(__name__)

RENEW_AFTER_NS = 60 * 10**9
"""Age at which a list is asked for again, behind the answer that still uses it."""

RETRY_AFTER_NS = 5 * 10**9
"""How long a server that failed to list is left alone."""

LOOK_AFTER_NS = 10**9
"""How often a workspace's lists are looked at for their age: every call comes by here."""

MAX_PAGES = 100
"""Pages of one list that are followed; a server that never ends is cut off here."""

LIST_TTL_MS = 5000
"""How long a modern client may keep a list without asking again."""

_CAPABILITY = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
}


@dataclass(slots=True)
class _Shelf:
    """What is remembered of one server in one era: its last lists, and the renewal under way."""

    reach: Reach
    era: Era
    listed: Listed
    renewal: asyncio.Task[None] | None = None
    is_stale: bool = False
    is_overdue: bool = False
    """Its first listing outlasted the time limit: nobody waits for it any more."""


class Listings:
    """Knows what each workspace offers."""

    def __init__(
        self,
        upstreams: Upstreams,
        filler: Filler,
        rulings: Rulings,
        clock: Clock,
        spawn: Spawn,
        *,
        identity: bytes,
        list_timeout_s: float,
    ) -> None:
        self._upstreams = upstreams
        self._filler = filler
        self._rulings = rulings
        self._clock = clock
        self._spawn = spawn
        self._identity = identity
        self._list_timeout_s = list_timeout_s
        self._shelves: dict[tuple[str, Era], _Shelf] = {}
        self._offers: dict[tuple[str, Era], Offer] = {}
        self._look_at: dict[tuple[str, Era], int] = {}
        self._configuration: Configuration | None = None
        self._on_renewal: list[Callable[[], object]] = []
        upstreams.on_change(self._on_change)

    def on_renewal(self, listener: Callable[[], object]) -> None:
        """Call `listener` whenever a server's lists turned out to be others than before."""
        self._on_renewal.append(listener)

    async def refresh(self, workspace: Workspace, server_id: str, era: Era) -> None:
        """List a server anew, and wait for it: what it listed does not fit it any more."""
        shelf = self._shelves.get((server_id, era))
        if shelf is not None:
            await asyncio.wait([self._renew(workspace.id, shelf)])

    async def offer(
        self, configuration: Configuration, workspace: Workspace, era: Era = Era.MODERN
    ) -> Offer:
        """Return what the workspace offers to clients of that era in that committed state.

        Waits for servers that never listed, at most the time limit; renews old lists behind it.
        """
        if configuration is not self._configuration:
            await self._follow(configuration)
        key = (workspace.id, era)
        offer = self._offers.get(key)
        if offer is None:
            offer = await self._build(configuration, workspace, era)
        now = self._clock.monotonic_ns()
        if now >= self._look_at.get(key, 0):
            self._look_at[key] = now + LOOK_AFTER_NS
            self._renew_old(workspace, offer, era, now)
        return offer

    def failing(self, within_s: float) -> frozenset[str]:
        """Return the ids of servers that could not be listed within that time. Asks none."""
        oldest = self._clock.monotonic_ns() - int(within_s * 1e9)
        tried = [shelf for shelf in self._shelves.values() if shelf.listed.fetched_at > oldest]
        failed = {shelf.reach.server.id for shelf in tried if shelf.listed.problem}
        listed = {shelf.reach.server.id for shelf in tried if not shelf.listed.problem}
        return frozenset(failed - listed)

    async def fetch(self, reach: Reach, era: Era = Era.MODERN) -> Listed:
        """Connect to one server and list what it offers in an era, past everything remembered.

        Raises:
            UpstreamError: it cannot be reached, lacks a secret, or does not speak MCP.
        """
        server = reach.server
        lane = None if era is Era.MODERN else Lane(era, EVERYTHING)
        upstream = await self._upstreams.connect(server, reach.fingerprint, reach.fill, lane)
        methods = [m for m in LISTS if _CAPABILITY[m] in upstream.capabilities]
        lists = await asyncio.gather(*(self._fetch_list(upstream, server.name, m) for m in methods))
        return Listed(
            items=dict(zip(methods, lists, strict=True)),
            capabilities=upstream.capabilities,
            instructions=upstream.instructions,
            fetched_at=self._clock.monotonic_ns(),
        )

    async def _follow(self, configuration: Configuration) -> None:
        """Drop what belongs to servers that are gone, switched off or launched otherwise."""
        self._configuration = configuration
        self._offers.clear()
        wanted = {
            server.id: self._filler.reach(configuration, server)
            for servers in configuration.servers.values()
            for server in servers
            if server.is_enabled
        }
        for key, shelf in list(self._shelves.items()):
            reach = wanted.get(shelf.reach.server.id)
            if reach is None or reach.fingerprint != shelf.reach.fingerprint:
                del self._shelves[key]
                if shelf.renewal is not None:
                    shelf.renewal.cancel()
            else:
                shelf.reach = reach
        await self._upstreams.keep_only({i: reach.fingerprint for i, reach in wanted.items()})

    async def _build(self, configuration: Configuration, workspace: Workspace, era: Era) -> Offer:
        servers = configuration.servers.get(workspace.id, ())
        shelves = [
            self._shelf(self._filler.reach(configuration, server), era)
            for server in servers
            if server.is_enabled
        ]
        waiting = [
            self._renew(workspace.id, shelf)
            for shelf in shelves
            if not shelf.listed.fetched_at and not shelf.is_overdue
        ]
        if waiting:
            await asyncio.wait(waiting, timeout=self._list_timeout_s)
        shares = [
            Share(
                shelf.reach,
                self._seen(shelf),
                self._rulings.of(configuration, shelf.reach.server),
            )
            for shelf in shelves
        ]
        offer = Offer(shares, self._identity, LIST_TTL_MS)
        if configuration is self._configuration:
            self._offers[workspace.id, era] = offer
        return offer

    def _shelf(self, reach: Reach, era: Era) -> _Shelf:
        shelf = self._shelves.get((reach.server.id, era))
        if shelf is None:
            shelf = self._shelves[reach.server.id, era] = _Shelf(reach, era, Listed())
        return shelf

    def _seen(self, shelf: _Shelf) -> Listed:
        if shelf.listed.fetched_at:
            return shelf.listed
        shelf.is_overdue = True
        return replace(
            shelf.listed, problem=f"it has not answered within {self._list_timeout_s:g} s"
        )

    def _renew_old(self, workspace: Workspace, offer: Offer, era: Era, now: int) -> None:
        for share in offer.shares:
            shelf = self._shelves.get((share.reach.server.id, era))
            if shelf is None or shelf.renewal is not None:
                continue
            patience = RETRY_AFTER_NS if shelf.listed.problem else RENEW_AFTER_NS
            if shelf.is_stale or now - shelf.listed.fetched_at > patience:
                self._renew(workspace.id, shelf)

    def _renew(self, workspace_id: str, shelf: _Shelf) -> asyncio.Task[None]:
        if shelf.renewal is None:
            shelf.is_stale = False
            shelf.renewal = self._spawn(self._renewal(workspace_id, shelf))
        return shelf.renewal

    async def _renewal(self, workspace_id: str, shelf: _Shelf) -> None:
        old = shelf.listed
        try:
            shelf.listed = await self.fetch(shelf.reach, shelf.era)
        except GatewayError as error:
            logger.warning("server %s cannot list: %s", shelf.reach.server.name, error.message)
            now = self._clock.monotonic_ns()
            shelf.listed = replace(old, problem=error.message, fetched_at=now)
        finally:
            shelf.renewal = None
        if _differs(old, shelf.listed):
            self._offers.pop((workspace_id, shelf.era), None)
            for listener in self._on_renewal:
                listener()

    async def _fetch_list(self, upstream: Upstream, server_name: str, method: str) -> list[Item]:
        items: list[Item] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            result = await self._fetch_page(upstream, method, cursor)
            if result is None and method == "resources/templates/list":
                return items  # many servers declare resources and know no templates
            if result is None:
                raise UpstreamError(f"{server_name} answered {method} with an error")
            try:
                page, following = read_items(result, LISTS[method])
            except ProtocolError as error:
                raise UpstreamError(
                    f"{server_name} sent no valid {method}: {error.message}"
                ) from None
            items += page
            if following is None or following == cursor:
                break
            cursor = following
        return items

    async def _fetch_page(self, upstream: Upstream, method: str, cursor: str | None) -> Raw | None:
        asked = {} if cursor is None else {"cursor": Raw(msgspec.json.encode(cursor))}
        params = params_to_upstream(
            asked,
            upstream_era=upstream.era,
            upstream_version=upstream.version,
            target=None,
            client_era=Era.MODERN,
            client_meta={},
            client_capabilities=EVERYTHING,
            client_info=self._identity,
            progress_token=None,
        )
        outgoing = Outgoing(upstream.next_id(), method, params, timeout_s=self._list_timeout_s)
        return (await upstream.exchange(outgoing)).result

    def doubt(self, server_id: str) -> None:
        """Note that a server's lists may have changed: the next request renews them."""
        for era in Era:
            shelf = self._shelves.get((server_id, era))
            if shelf is not None:
                shelf.is_stale = True
                self._look_at.clear()

    def _on_change(self, server_id: str, notification: Notification) -> None:
        if notification.method.endswith("list_changed"):
            self.doubt(server_id)


def _differs(old: Listed, new: Listed) -> bool:
    """Say whether clients would see something else."""
    return (
        not old.fetched_at
        or old.problem != new.problem
        or old.instructions != new.instructions
        or _plain(old.capabilities) != _plain(new.capabilities)
        or _comparable(old.items) != _comparable(new.items)
    )


def _comparable(items: Mapping[str, Sequence[Item]]) -> object:
    return {method: [_plain(item) for item in listed] for method, listed in items.items()}


def _plain(item: Mapping[str, Raw]) -> list[tuple[str, bytes]]:
    return [(key, bytes(value)) for key, value in item.items()]
