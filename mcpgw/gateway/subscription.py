"""Who wants to hear what: the streams of all clients, and the look-out that feeds them.

While anybody listens, the committed configuration is looked at twice a second and the servers of
the workspaces concerned are watched. A list change is told only when the merged list really
changed for its listener, whatever the reason: a server's word, a server added, removed, or back,
other rights. A token that is revoked or expires ends its streams, with an error as the last word.
With nobody listening nothing runs.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from mcpgw.errors import GatewayError, Limited, NotFound
from mcpgw.gateway.access import Admission
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.current import Current
from mcpgw.gateway.feed import UPDATED, Feed, listen_feed, session_feed
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Offer
from mcpgw.gateway.ongoing import ENDED, Entry, Ongoing
from mcpgw.gateway.ports import Clock, Spawn, Upstreams
from mcpgw.gateway.secret import Reach
from mcpgw.gateway.session import Session, Sessions
from mcpgw.gateway.watched import Watched
from mcpgw.model.configuration import Configuration
from mcpgw.model.token import Rights
from mcpgw.protocol.era import NEWEST_MODERN, Era
from mcpgw.protocol.exchange import Notification
from mcpgw.protocol.jsonrpc import UNAUTHENTICATED, error_bytes, read_object, text
from mcpgw.protocol.subscription import (
    Wanted,
    acknowledgement,
    list_changed,
    read_wanted,
)

logger = logging.getLogger(__name__)

LOOK_S = 0.5
"""Time between two looks at the committed configuration."""

AGREE_S = 0.6
"""How long the acknowledgement waits for servers to agree: clients expect it within a second."""

SUBSCRIBE_S = 10.0
"""How long one `resources/subscribe` waits for its server, which may have to be started."""

PAUSE_S = 0.05
"""Least time between two looks: a server that tells changes without end sets no pace."""

ABSENCE_S = 300.0
"""How long the news of a session is kept while it has no stream open."""

MAX_STREAMS = 64
"""Streams that one token may have open."""

_LISTS = {
    "tools": ("tools/list",),
    "prompts": ("prompts/list",),
    "resources": ("resources/list", "resources/templates/list"),
}


class _Place(NamedTuple):
    """Whose lists are meant: those that clients of an era with the same rights see."""

    workspace_id: str
    era: Era
    rights: Rights


@dataclass(eq=False, slots=True)
class _Listener:
    """One client that listens. `absent_since` is in monotonic seconds, None while it is here.

    `request_id` is that of the modern request that its stream answers.
    """

    admission: Admission
    feed: Feed
    kinds: frozenset[str]
    uris: frozenset[str]
    session: Session | None = None
    request_id: bytes | None = None
    absent_since: float | None = None
    entry: Entry | None = None

    @property
    def place(self) -> _Place:
        """Whose lists it wants to hear of."""
        era = Era.MODERN if self.session is None else Era.LEGACY
        return _Place(self.admission.workspace.id, era, self.admission.principal.rights)


class Subscriptions:
    """Opens streams of news and keeps them fed."""

    def __init__(
        self,
        current: Current,
        ongoing: Ongoing,
        listings: Listings,
        sessions: Sessions,
        upstreams: Upstreams,
        clock: Clock,
        spawn: Spawn,
    ) -> None:
        self._current = current
        self._ongoing = ongoing
        self._listings = listings
        self._sessions = sessions
        self._watched = Watched(listings, upstreams, spawn)
        self._clock = clock
        self._spawn = spawn
        self._started_at = clock.now()
        self._listeners: set[_Listener] = set()
        self._by_session: dict[str, _Listener] = {}
        self._offers: dict[_Place, Offer] = {}
        self._wake = asyncio.Event()
        self._is_looking = False
        upstreams.on_change(self._on_change)
        listings.on_renewal(self._wake.set)

    async def listen(self, asked: Asked, farewell: bytes) -> Feed:
        """Open the feed of a modern client's `subscriptions/listen`; `farewell` ends it.

        Raises:
            ProtocolError: -32602, what it wants to hear of is not said as it must be.
            Limited: the token has too many streams open.
        """
        wanted = read_wanted(asked.call.params)
        self._check_number(asked.admission)
        offer = await self._offer(asked.admission, Era.MODERN)
        known = {uri for uri in wanted.uris if offer.find("resources/read", uri) is not None}
        feed = listen_feed(asked.call.id, farewell, self._leave)
        listener = _Listener(
            asked.admission,
            feed,
            wanted.kinds,
            frozenset(known),
            request_id=asked.call.id,
        )
        await self._welcome(listener, offer)
        honoured = tuple(
            uri for uri in wanted.uris if uri in known and self._is_honoured(offer, uri)
        )
        listener.uris = frozenset(honoured)
        feed.begin(acknowledgement(asked.call.id, Wanted(wanted.kinds, honoured)))
        return feed

    async def stream(self, admission: Admission, session: Session) -> Feed:
        """Open the feed of a legacy session; one that is open already ends.

        What happened since the last one closed is told, within bounds; after a restart, that
        everything may have changed.

        Raises:
            Limited: the token has too many streams open.
        """
        self._check_number(admission)
        offer = await self._offer(admission, Era.LEGACY)
        feed = session_feed(self._leave)
        earlier = self._by_session.get(session.id)
        if earlier is not None:
            self._drop(earlier)
            feed.adopt(earlier.feed)
            earlier.feed.end()
        elif session.started_at < self._started_at:
            for kind in _LISTS:
                feed.tell(list_changed(kind))
            for uri in sorted(self._sessions.state(session).uris):
                feed.tell(UPDATED, uri)
        await self._welcome(self._of_session(admission, session, feed), offer)
        return feed

    async def subscribe(self, admission: Admission, session: Session, uri: str) -> None:
        """Tell a legacy session of changes of a resource from now on.

        Raises:
            NotFound: no server has it, or its server tells nobody.
        """
        offer = await self._offer(admission, Era.LEGACY)
        if offer.find("resources/read", uri) is None:
            raise NotFound("no such resource")
        await self._sessions.subscribe(session, uri)
        self._refresh(admission, session)
        await self._agree(admission, offer, SUBSCRIBE_S)
        if not self._is_honoured(offer, uri):
            await self.unsubscribe(session, uri)
            raise NotFound("the server of this resource does not tell of changes")

    async def unsubscribe(self, session: Session, uri: str) -> None:
        """Undo `subscribe`; a URI that was never subscribed to is fine too."""
        await self._sessions.unsubscribe(session, uri)
        listener = self._by_session.get(session.id)
        if listener is not None:
            listener.uris = self._sessions.state(session).uris
            self._wake.set()

    def end(self, session: Session) -> None:
        """End the stream of a session that is over."""
        listener = self._by_session.get(session.id)
        if listener is not None:
            self._drop(listener)
            listener.feed.end()

    def _check_number(self, admission: Admission) -> None:
        """Refuse a token one stream too many."""
        token_id = admission.principal.token_id
        mine = [one for one in self._listeners if one.admission.principal.token_id == token_id]
        if sum(one.absent_since is None for one in mine) >= MAX_STREAMS:
            raise Limited(f"this token has {MAX_STREAMS} streams open", "close one first")

    def _take_in(self, listener: _Listener) -> None:
        """Keep a listener for as long as its token is good."""
        self._listeners.add(listener)
        listener.entry = self._ongoing.enter(listener.admission, lambda: self._refuse(listener))

    def _refuse(self, listener: _Listener) -> None:
        """End the stream of a token that is not valid any more."""
        self._drop(listener)
        listener.feed.refuse(error_bytes(listener.request_id, UNAUTHENTICATED, ENDED))

    async def _welcome(self, listener: _Listener, offer: Offer) -> None:
        """Take a listener in, and forget it again if it goes before its stream has begun."""
        self._take_in(listener)
        try:
            await self._agree(listener.admission, offer)
        except BaseException:
            self._leave(listener.feed)
            raise

    def _refresh(self, admission: Admission, session: Session) -> None:
        """Bring a session's URIs up to date; one without a stream gets its news later."""
        listener = self._by_session.get(session.id)
        if listener is None:
            listener = self._of_session(admission, session, session_feed(self._leave))
            listener.absent_since = self._now()
            self._take_in(listener)
        listener.uris = self._sessions.state(session).uris

    def _of_session(self, admission: Admission, session: Session, feed: Feed) -> _Listener:
        uris = self._sessions.state(session).uris
        listener = _Listener(admission, feed, frozenset(_LISTS), uris, session)
        self._by_session[session.id] = listener
        return listener

    def _leave(self, feed: Feed) -> None:
        """Note that a stream closed: a session may come back for its news."""
        for listener in self._listeners:
            if listener.feed is feed:
                if listener.session is not None:
                    listener.absent_since = self._now()
                else:
                    self._drop(listener)
                return

    def _drop(self, listener: _Listener) -> None:
        self._listeners.discard(listener)
        if listener.entry is not None:
            listener.entry.leave()
        if listener.session is not None:
            self._by_session.pop(listener.session.id, None)
        self._wake.set()

    async def _offer(self, admission: Admission, era: Era) -> Offer:
        """Return what a client may see of its workspace; changes are told from here on."""
        whole = await self._listings.offer(admission.configuration, admission.workspace, era)
        offer = whole.seen_by(admission.principal)
        place = _Place(admission.workspace.id, era, admission.principal.rights)
        self._offers.setdefault(place, offer)
        return offer

    async def _agree(self, admission: Admission, offer: Offer, patience_s: float = AGREE_S) -> None:
        """Have the servers of a workspace watched, and wait a moment for their agreement."""
        if not self._is_looking:
            self._is_looking = True
            self._spawn(self._look_out())
        servers = [share.reach.server.id for share in offer.shares]
        self._watched.doubt(servers)
        self._renew_watches(admission.workspace.id)
        await self._watched.agreed(servers, patience_s)

    async def _look_out(self) -> None:
        """Look at what is committed, and at who is still there, as long as anybody is."""
        try:
            while self._listeners:
                self._wake.clear()
                try:
                    await self._look()
                except GatewayError as error:
                    logger.warning("subscriptions wait: %s", error.message)
                await asyncio.sleep(PAUSE_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
        finally:
            self._is_looking = False
            self._offers.clear()
            self._watched.keep_only(())

    async def _look(self) -> None:
        configuration = await self._current.configuration()
        self._renew_rights(configuration)
        places = {listener.place: listener.admission for listener in self._listeners}
        for place in self._offers.keys() - places.keys():
            del self._offers[place]
        for place, admission in places.items():
            whole = await self._listings.offer(configuration, admission.workspace, place.era)
            self._compare(place, whole.seen_by(admission.principal))
        for workspace_id in {place.workspace_id for place in places}:
            self._renew_watches(workspace_id)
        offers = self._offers.values()
        self._watched.keep_only({share.reach.server.id for o in offers for share in o.shares})

    def _renew_rights(self, configuration: Configuration) -> None:
        """Follow what is committed about those who listen, and forget who stays away."""
        for listener in tuple(self._listeners):
            absent, before = listener.absent_since, listener.place
            if absent is not None and self._now() - absent > ABSENCE_S:
                self._drop(listener)
                continue
            listener.admission = self._ongoing.renewed(listener.admission, configuration)
            if listener.place != before:
                for kind in listener.kinds:
                    listener.feed.tell(list_changed(kind))

    def _compare(self, place: _Place, offer: Offer) -> None:
        """Tell the listeners of a workspace which of its lists are not what they were."""
        earlier = self._offers.get(place)
        if earlier is offer:
            return
        self._offers[place] = offer
        if earlier is None:
            return
        for kind, methods in _LISTS.items():
            if any(
                earlier.listed(method, NEWEST_MODERN) != offer.listed(method, NEWEST_MODERN)
                for method in methods
            ):
                self._tell(place, kind)

    def _tell(self, place: _Place, kind: str) -> None:
        for listener in self._listeners:
            if listener.place == place and kind in listener.kinds:
                listener.feed.tell(list_changed(kind))

    def _renew_watches(self, workspace_id: str) -> None:
        """Begin to make the watched servers and URIs those that are wanted."""
        listeners = [one for one in self._listeners if one.place.workspace_id == workspace_id]
        wanted: dict[str, tuple[Reach, set[str]]] = {}
        for place in {listener.place for listener in listeners}:
            offer = self._offers.get(place)
            for share in offer.shares if offer is not None else ():
                wanted.setdefault(share.reach.server.id, (share.reach, set()))
        for listener in listeners:
            offer = self._offers.get(listener.place)
            if offer is None:
                continue
            for uri in listener.uris:
                target = offer.find("resources/read", uri)
                if target is not None:
                    wanted[target.reach.server.id][1].add(uri)
        self._watched.want(wanted, frozenset(listener.place.era for listener in listeners))

    def _is_honoured(self, offer: Offer, uri: str) -> bool:
        target = offer.find("resources/read", uri)
        return target is not None and self._watched.is_honoured(target.reach.server.id, uri)

    def _on_change(self, server_id: str, notification: Notification) -> None:
        """Take what a server says outside of calls."""
        if notification.method != UPDATED:
            self._wake.set()
            return
        updated = text(read_object(notification.params).get("uri", b"null"))
        for listener in self._listeners:
            offer = self._offers.get(listener.place)
            if updated is None or offer is None:
                continue
            for uri in listener.uris:
                if not _is_within(updated, uri):
                    continue
                target = offer.find("resources/read", uri)
                if target is not None and target.reach.server.id == server_id:
                    listener.feed.tell(UPDATED, updated)

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9


def _is_within(updated: str, subscribed: str) -> bool:
    """Say whether a change concerns a subscription: of the same resource, or of a part of it."""
    return updated == subscribed or updated.startswith(subscribed.rstrip("/") + "/")
