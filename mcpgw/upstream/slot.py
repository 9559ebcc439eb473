"""One server in one launch of it: the connection that all share, and the lanes beside it.

The primary connection speaks the newest era of the server, and says to a legacy one that its client
can be asked everything: its lists run here, and must not lack what only some clients can use. A
lane is a legacy connection for legacy clients of a server that speaks both eras, for clients that
can be asked less, or for one client of a server that asks. It is made when somebody needs it and
ends when nobody does. Whether a server speaks both eras is found by trying.

    launch   clients share a connection when they
    URL      can be asked the same: a session costs little, and the server may adapt
    child    are of the same era: one process for each, which is told that all can be asked

Once a server was seen to ask without saying in which call, the clients that can be asked have a
connection each, and what they ask for is theirs; those that cannot still share theirs.
"""

import asyncio
import math
from collections.abc import Callable, Iterable

from mcpgw.errors import UpstreamError
from mcpgw.model.server import Server, StdioLaunch
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification
from mcpgw.upstream import NOTHING, Fill, Spawn, Terms
from mcpgw.upstream.background import Background, ended
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.handshake import Declined
from mcpgw.upstream.opener import Opener
from mcpgw.upstream.place import Place

DRAIN_S = 10.0
"""How long calls may go on over connections that were replaced."""

ERA_KNOWN_S = 24 * 3600.0
"""How long it is remembered that a server speaks one era only: for ever would hide an upgrade."""

ERA_GUESSED_S = 60.0
"""How long a server is spoken to in its newest era that could not be asked for the other one."""

MAX_LANES = 32

LANE_IDLE_S = 600.0
"""A lane that nobody used for so long ends."""

SWEEP_S = 60.0

_Key = tuple[bytes, str]
"""What is said of the clients, and which one it is where it has a lane for itself."""


class Slot:
    """The connections to one server, of one fingerprint."""

    def __init__(
        self,
        opener: Opener,
        spawn: Spawn,
        server: Server,
        fingerprint: str,
        fill: Fill,
        notify: Callable[[str, Notification], None],
    ) -> None:
        self.fingerprint = fingerprint
        self.starts = 0
        """How many connections were begun, each of which starts a child."""
        self.primary = Place(server.name, spawn, self._open_primary)
        self._opener = opener
        self._spawn = spawn
        self._background = Background(spawn, limit=MAX_LANES)
        self._server = server
        self._fill = fill
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[_Key, Place] = {}
        self._ending: set[Place] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_child = isinstance(server.launch, StdioLaunch)
        self._era: Era | None = None
        self._legacy_until = -math.inf
        self._modern_until = -math.inf
        self._is_closed = False
        self._is_dual = False
        self._asks = False
        """Whether the server was seen to ask where questions name no call."""

    def find(self, lane: Lane | None) -> Connection | None:
        """Return the live connection for a lane, None when it has to be made."""
        if lane is None:
            place: Place | None = self.primary
        elif self._era is None:
            return None
        else:
            key = self._key(lane)
            place = self.primary if key is None else self._lanes.get(key)
        if place is None or place.connection is None or not place.connection.is_alive:
            return None
        if place is not self.primary:
            place.used_at = self._loop.time()
        return place.connection

    async def connect(self, lane: Lane | None) -> Connection:
        """Return the connection for a lane, made at need.

        Raises:
            UpstreamError: the server cannot be reached or started, or speaks no MCP that we do.
            UpstreamTimeout: it did not answer in time.
            GatewayError: a secret cannot be opened.
        """
        if lane is None:
            return await self.primary.connect()
        if self._era is None:
            await self.primary.connect()
        key = self._key(lane)
        if key is None:
            return await self.primary.connect()
        place = self._lanes.get(key) or self._add(key)
        if place is None:
            place = self._lanes.get((key[0], ""), self.primary)
        try:
            connection = await place.connect()
        except UpstreamError as error:
            return await self._without(error)
        finally:
            place.used_at = self._loop.time()
        self._is_dual = self._is_dual or self._era is Era.MODERN
        return connection

    def end_client(self, token_id: str) -> None:
        """Begin to end the lanes that are one token's alone, in whatever session of it."""
        for key in tuple(self._lanes):
            if key[1].partition(":")[0] == token_id:
                self._end(key)

    async def drain(self) -> None:
        """Wait a while for the calls that run."""
        deadline = self._loop.time() + DRAIN_S
        while any(place.is_busy for place in self._places()):
            if self._loop.time() > deadline:
                return
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """End every connection, and the attempts to make one."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        async with asyncio.TaskGroup() as group:
            for place in self._places():
                group.create_task(place.close())

    def _places(self) -> Iterable[Place]:
        return [self.primary, *self._lanes.values(), *self._ending]

    def _key(self, lane: Lane) -> _Key | None:
        """Return which lane carries the calls of a client, None for the primary connection."""
        is_modern = self._era is Era.MODERN
        if is_modern and (lane.era is Era.MODERN or self._loop.time() < self._modern_until):
            return None
        capabilities = EVERYTHING if self._is_child else lane.capabilities
        client = lane.client if self._asks and lane.capabilities != NOTHING else ""
        is_primary = (capabilities, client) == (EVERYTHING, "") and not is_modern
        return None if is_primary else (capabilities, client)

    def _add(self, key: _Key) -> Place | None:
        """Make the place of a lane, None when there are too many that are used."""
        if self._is_closed:
            raise ended(self._server.name)
        if len(self._lanes) >= MAX_LANES:
            idle = [other for other, place in self._lanes.items() if place.is_idle]
            if not idle:
                return None
            self._end(min(idle, key=lambda other: self._lanes[other].used_at))
        place = self._lanes[key] = Place(
            self._server.name, self._spawn, lambda: self._open_lane(key[0])
        )
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        return place

    def _sweep(self) -> None:
        """End the lanes that nobody used for long."""
        self._sweeper = None
        limit = self._loop.time() - LANE_IDLE_S
        for key, place in tuple(self._lanes.items()):
            if place.is_idle and place.used_at < limit:
                self._end(key)
        if self._lanes:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def _end(self, key: _Key) -> None:
        place = self._lanes.pop(key)
        self._ending.add(place)
        self._background.run(lambda: self._close(place))

    async def _close(self, place: Place) -> None:
        await place.close()
        self._ending.discard(place)  # Not when cancelled: then `close` has to end it.

    async def _without(self, error: UpstreamError) -> Connection:
        """Return the primary connection where a lane is not to be had, or raise why there is none.

        A server that speaks modern may not speak legacy. One that was seen to speak both, or never
        was anything but legacy, is in trouble.
        """
        is_declined = isinstance(error, Declined)
        if self._era is Era.MODERN and (is_declined or not self._is_dual):
            # A child that is spoken to in a tongue it does not know may do anything.
            is_known = is_declined or self._is_child
            known_s = ERA_KNOWN_S if is_known else ERA_GUESSED_S
            self._modern_until = self._loop.time() + known_s
            self._is_dual = False
            return await self.primary.connect()
        if is_declined:
            self._era = None  # Perhaps it was replaced by one of another era.
        raise error

    async def _open_primary(self) -> Connection:
        is_legacy = self._loop.time() < self._legacy_until
        terms = Terms(
            self._on_change, self._on_question, capabilities=EVERYTHING, is_legacy=is_legacy
        )
        self.starts += 1
        try:
            connection = await self._opener.open(self._server, self._fill, terms)
        except UpstreamError:
            self._legacy_until = -math.inf
            raise
        self._era = connection.era
        now = self._loop.time()
        if connection.era is Era.LEGACY and self._legacy_until < now:
            self._legacy_until = now + ERA_KNOWN_S
        return connection

    async def _open_lane(self, capabilities: bytes) -> Connection:
        terms = Terms(self._on_change, self._on_question, capabilities=capabilities, is_legacy=True)
        self.starts += 1
        connection = await self._opener.open(self._server, self._fill, terms)
        if connection.era is not Era.LEGACY:
            await connection.close()
            raise Declined(f"server {self._server.name!r} speaks no legacy revision of MCP")
        return connection

    def _on_change(self, notification: Notification) -> None:
        self._notify(self._server.id, notification)

    def _on_question(self) -> None:
        self._asks = True
