"""A watch lasts: across wishes, broken streams and dead children, and ends when it should."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcpgw.errors import UpstreamError, VaultLocked
from mcpgw.model.server import Server, StdioLaunch
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification
from mcpgw.upstream import Fill, place, slot, watch
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.pool import LEGACY_CLIENTS, Upstreams
from mcpgw.upstream.watch import Watches
from tests.live import PEERS, call, http_server, nothing, open_upstreams, spawning, text_of
from tests.peers.raw_http import Request
from tests.peers.raw_news import TOOLS_CHANGED, UPDATED, RawNews, note
from tests.peers.scripted_transport import Held, ScriptedTransport, connection_over, refusal
from tests.process import until

A, B = "test://a", "test://b"
BROKE = UpstreamError("it broke")
ALL_CHANGED = [f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")]
SERVER = http_server("http://127.0.0.1:9/mcp")
ANY = frozenset(Era)


def uris(*some: str) -> frozenset[str]:
    return frozenset(some)


class Scene:
    """Watches over scripted connections. The last of `transports` is the one that connects."""

    def __init__(self, watches: Watches, era: Era) -> None:
        self.watches = watches
        self.era = era
        self.heard: list[tuple[str, str]] = []
        self.attempts = 0
        self.transports: list[ScriptedTransport] = []
        self.failure: Exception | None = None
        self._connection: Connection | None = None
        self.renew()

    @property
    def transport(self) -> ScriptedTransport:
        return self.transports[-1]

    @property
    def methods(self) -> list[str]:
        return [method for _, method in self.heard]

    def renew(self) -> None:
        """Let the next connection be another one."""
        self.transports.append(ScriptedTransport())
        self._connection = connection_over(self.transport, self.era)

    def notify(self, server_id: str, notification: Notification) -> None:
        self.heard.append((server_id, notification.method))

    async def connect(self) -> Connection:
        self.attempts += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        assert self._connection is not None
        return self._connection

    async def want(self, *some: str, fingerprint: str = "f") -> frozenset[str]:
        return await self.watches.watch(SERVER, fingerprint, nothing, frozenset(some))

    @property
    def held(self) -> list[Held]:
        every = [
            one
            for transport in self.transports
            for one in (transport.listens if self.era is Era.MODERN else transport.hears)
        ]
        return [one for one in every if one.is_open]

    def end_stream(self, outcome: object) -> None:
        self.held[-1].end(outcome)


@asynccontextmanager
async def watching(era: Era = Era.MODERN) -> AsyncIterator[Scene]:
    async with spawning() as spawn:
        scene: Scene

        async def connect(
            server: Server, fingerprint: str, fill: Fill, lane: Lane | None
        ) -> Connection:
            return await scene.connect()

        watches = Watches(spawn, connect, lambda *news: scene.notify(*news))
        scene = Scene(watches, era)
        yield scene
        await watches.close()
        await until(lambda: scene.held == [])


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(watch, "LAST_PAUSE_S", 0.02)
    monkeypatch.setattr(place, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(place, "FAILURE_S", 0.0)


BOTH = pytest.mark.parametrize("era", list(Era))


@BOTH
async def test_news_reach_the_listener_under_the_servers_id(era: Era) -> None:
    async with watching(era) as scene:
        assert await scene.want(A) == {A}
        if era is Era.MODERN:
            scene.held[0].tell(UPDATED, {"uri": A})
            assert scene.heard == [("web", UPDATED)]
        assert await scene.want(A, B) == {A, B}
        assert await scene.want() == set()
        await asyncio.sleep(0)
        assert len(scene.held) == 1


@BOTH
async def test_wishes_at_the_same_time_are_all_answered(era: Era) -> None:
    async with watching(era) as scene:
        wishes = [asyncio.ensure_future(scene.want(*some)) for some in ([A], [B], [A, B])]
        cancelled = asyncio.ensure_future(scene.want(A, B))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert [await wish for wish in wishes] == [{A}, {B}, {A, B}]
        assert cancelled.cancelled() or await asyncio.wait([cancelled])


@BOTH
async def test_a_broken_stream_is_renewed_and_every_list_may_have_changed(era: Era) -> None:
    async with watching(era) as scene:
        await scene.want(A)
        scene.end_stream(BROKE)
        await until(lambda: len(scene.heard) == 3)
        scene.end_stream(BROKE)
        await until(lambda: len(scene.heard) == 6)
        assert scene.methods == ALL_CHANGED * 2
        assert scene.attempts == 3
        assert len(scene.held) == 1


async def test_a_stream_that_goes_on_without_a_gap_is_no_news() -> None:
    async with watching(Era.LEGACY) as scene:
        await scene.want(A)
        scene.end_stream(0.0)
        await until(lambda: len(scene.transport.hears) == 2)
        await scene.want(A)
        assert scene.heard == []


@BOTH
async def test_a_new_connection_is_watched_as_the_old_one_was(era: Era) -> None:
    async with watching(era) as scene:
        await scene.want(A)
        old = scene.transport
        scene.renew()
        assert await scene.want(A, B) == {A, B}
        await asyncio.sleep(0)
        assert not any(held.is_open for held in [*old.listens, *old.hears])
        assert scene.methods == ALL_CHANGED


async def test_what_cannot_be_watched_is_tried_again_in_the_background() -> None:
    async with watching() as scene:
        scene.failure = VaultLocked("locked")
        with pytest.raises(VaultLocked):
            await scene.want(A)
        scene.failure = BROKE
        with pytest.raises(UpstreamError, match="it broke"):
            await scene.want(A)
        await until(lambda: scene.attempts > 4)
        scene.failure = None
        await until(lambda: len(scene.heard) == 3)
        assert [held.uris for held in scene.held] == [[A]]


async def test_pauses_grow_and_a_new_wish_does_not_wait_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "FIRST_PAUSE_S", 3600.0)
    monkeypatch.setattr(watch, "LAST_PAUSE_S", 7200.0)
    async with watching() as scene:
        scene.failure = BROKE
        for _ in range(3):
            with pytest.raises(UpstreamError):
                await scene.want(A)
        assert scene.attempts == 3
        scene.failure = None
        assert await scene.want(A) == {A}


async def test_what_lasted_long_is_renewed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching() as scene:
        scene.failure = BROKE
        with pytest.raises(UpstreamError):
            await scene.want(A)
        scene.failure = None
        await scene.want(A)
        monkeypatch.setattr(watch, "LAST_PAUSE_S", 0.0)
        scene.end_stream(BROKE)
        await until(lambda: len(scene.heard) == 6)


async def test_a_quiet_watch_is_looked_after_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.005)
    async with watching() as scene:
        scene.transport.on_listen = lambda held: held.end(refusal(-32601))
        assert await scene.want(A) == set()
        await until(lambda: scene.attempts > 3)
        assert scene.heard == []


@BOTH
async def test_who_wants_nothing_any_more_leaves_nothing_behind(era: Era) -> None:
    async with watching(era) as scene:
        scene.watches.unwatch("web")  # Nothing was.
        await scene.want(A)
        scene.watches.unwatch("web")
        await until(lambda: scene.held == [])
        if era is Era.LEGACY:
            await until(lambda: ("resources/unsubscribe", A) in scene.transport.requests)
        attempts = scene.attempts
        await asyncio.sleep(0.03)
        assert (scene.attempts, scene.heard) == (attempts, [])
        assert await scene.want(B) == {B}


async def test_a_wish_during_the_goodbye_is_heard() -> None:
    async with watching(Era.LEGACY) as scene:
        await scene.want(A)
        scene.watches.unwatch("web")
        await asyncio.sleep(0)
        assert await scene.want(A) == {A}
        methods = [method.rpartition("/")[2] for method, _ in scene.transport.requests]
        assert methods[-1] == "subscribe"
        assert len(scene.held) == 1


async def test_unwatching_what_is_in_trouble() -> None:
    async with watching() as scene:
        scene.failure = BROKE
        with pytest.raises(UpstreamError):
            await scene.want(A)
        scene.watches.unwatch("web")
        await asyncio.sleep(0.03)
        attempts = scene.attempts
        await asyncio.sleep(0.03)
        assert scene.attempts == attempts


ENDS = ["unwatch", "end", "keep_only", "close", "fingerprint"]


@pytest.mark.parametrize("how", ENDS)
async def test_who_waits_is_told_of_the_end(how: str) -> None:
    async with watching() as scene:
        scene.transport.on_listen = lambda held: None
        waiting = asyncio.ensure_future(scene.want(A))
        await asyncio.sleep(0.01)
        if how == "unwatch":
            scene.watches.unwatch("web")
        elif how == "end":
            scene.watches.end("web", "another")
            assert not waiting.done()
            scene.watches.end("web", "f")
        elif how == "keep_only":
            scene.watches.keep_only({"web": "f"})
            assert not waiting.done()
            scene.watches.keep_only({"web": "g"})
        elif how == "close":
            await scene.watches.close()
        else:
            scene.transport.on_listen = Held.acknowledge
            assert await scene.want(B, fingerprint="g") == {B}
        with pytest.raises(UpstreamError, match="'web' is not watched any more"):
            await waiting
        if how == "close":
            with pytest.raises(UpstreamError, match="not watched"):
                await scene.want(A)


async def test_a_watch_that_ends_before_it_began() -> None:
    async with watching() as scene:
        waiting = asyncio.ensure_future(scene.want(A))
        await asyncio.sleep(0)
        scene.watches.keep_only({})
        with pytest.raises(UpstreamError):
            await waiting
        await asyncio.sleep(0)
        assert scene.attempts == 0


async def test_nothing_is_watched_when_the_owner_shuts_down() -> None:
    def spawn(work: Any) -> object:
        raise RuntimeError("shutting down")

    async def connect(
        server: Server, fingerprint: str, fill: Fill, lane: Lane | None
    ) -> Connection:
        raise AssertionError("nobody asked")

    watches = Watches(spawn, connect, lambda *news: None)
    with pytest.raises(UpstreamError, match="not watched"):
        await watches.watch(SERVER, "f", nothing, uris())


# Over real transports.


def news_server(*habits: str) -> Server:
    command = (sys.executable, "-I", "-S", str(PEERS / "stdio_news.py"), *habits)
    return Server("news", "w", "news", "news", StdioLaunch(command), True, 0.0)


def listening_to(upstreams: Upstreams) -> list[tuple[str, Any]]:
    heard: list[tuple[str, Any]] = []
    upstreams.on_change(
        lambda server_id, note: heard.append((note.method, json.loads(bytes(note.params))))
    )
    return heard


async def touched(connection: Connection, uri: str) -> Any:
    return json.loads(text_of(await call(connection, "touch", {"uri": uri})))


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_child_is_watched_until_nobody_wants_to(tmp_path: Path, era: str) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        heard = listening_to(upstreams)
        server = news_server(era)
        assert await upstreams.watch(server, "f", nothing, uris(A), ANY) == {A}
        connection = await upstreams.connect(server, "f", nothing)
        assert not connection.is_busy
        await touched(connection, A)
        assert [params["uri"] for _, params in heard] == [A]
        assert await upstreams.watch(server, "f", nothing, uris(B), ANY) == {B}
        await touched(connection, A)
        await touched(connection, B)
        assert [params["uri"] for _, params in heard] == [A, B]
        upstreams.unwatch("news")
        wanted = None
        while wanted != {"listens": [], "subscribed": []}:
            wanted = await touched(connection, B)
        assert heard[2:] in ([], heard[1:2])  # One was perhaps on its way.


@pytest.mark.parametrize("era", ["legacy", "modern", "dual"])
async def test_a_child_of_both_eras_is_watched_once_for_each_that_is_wanted(
    tmp_path: Path, era: str
) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        heard = listening_to(upstreams)
        server = news_server(era)
        lane = Lane(Era.LEGACY, b'{"sampling":{}}', "somebody")
        primary = await upstreams.connect(server, "f", nothing)
        assert await upstreams.watch(server, "f", nothing, uris(A), ANY) == {A}
        shared = await upstreams.connect(server, "f", nothing, lane)
        assert (shared is not primary) == (era == "dual")
        assert await touched(shared, A) in (
            {"listens": [], "subscribed": [A]},
            {"listens": [[A]], "subscribed": []},
        )
        await touched(primary, A)
        assert [method for method, _ in heard] == [UPDATED] * 2
        modern_only = frozenset({Era.MODERN})
        assert await upstreams.watch(server, "f", nothing, uris(A), modern_only) == {A}
        if era == "dual":
            while await touched(shared, A) != {"listens": [], "subscribed": []}:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        del heard[:]
        await touched(primary, A)
        assert [method for method, _ in heard] == [UPDATED]


async def test_a_lane_that_is_watched_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "SWEEP_S", 0.02)
    async with open_upstreams(tmp_path) as upstreams:
        heard = listening_to(upstreams)
        server = news_server("dual")
        await upstreams.watch(server, "f", nothing, uris(A), ANY)
        shared = await upstreams.connect(server, "f", nothing, LEGACY_CLIENTS)
        monkeypatch.setattr(slot, "LANE_IDLE_S", 0.04)
        await asyncio.sleep(0.2)
        assert (shared.is_alive, heard) == (True, [])
        upstreams.unwatch("news")
        await until(lambda: not shared.is_alive)


@pytest.mark.parametrize("habits", [["legacy"], ["modern"], ["modern", "no-listen"]])
async def test_a_child_that_died_is_started_and_watched_again(
    tmp_path: Path, habits: list[str]
) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        heard = listening_to(upstreams)
        server = news_server(*habits)
        honoured = await upstreams.watch(server, "f", nothing, uris(A), ANY)
        assert honoured == (set() if "no-listen" in habits else {A})
        connection = await upstreams.connect(server, "f", nothing)
        with pytest.raises(UpstreamError):
            await call(connection, "die")
        await until(lambda: len(heard) == 3)
        assert [method for method, _ in heard] == ALL_CHANGED
        renewed = await upstreams.connect(server, "f", nothing)
        assert renewed is not connection
        await touched(renewed, A)
        assert len(heard[3:]) == len(honoured)


@asynccontextmanager
async def news_over_http(era: str, tmp_path: Path, **settings: Any) -> AsyncIterator[Any]:
    async def say_ok(request: Request) -> None:
        request.say("ok")

    async with RawNews(era, say_ok) as peer, open_upstreams(tmp_path, **settings) as upstreams:
        yield peer, upstreams, listening_to(upstreams), http_server(peer.url)


async def test_a_legacy_http_server_is_watched_in_its_session(tmp_path: Path) -> None:
    async with news_over_http("legacy", tmp_path) as (peer, upstreams, heard, server):
        peer.refused = {B}
        assert await upstreams.watch(server, "f", nothing, uris(A, B), ANY) == {A}
        assert peer.subscribed == [A]
        peer.gets[0].event(note(UPDATED, uri=A))
        await until(lambda: heard == [(UPDATED, {"uri": A})])
        peer.drop_all()
        await until(lambda: len(peer.gets) == 2)
        await until(lambda: len(heard) == 4)
        assert len(peer.sessions) == 1
        assert await upstreams.watch(server, "f", nothing, uris(), ANY) == set()
        assert peer.subscribed == []


@pytest.mark.parametrize("is_noticed_by", ["stream", "call"])
async def test_a_legacy_http_server_that_restarted_is_watched_in_a_new_session(
    tmp_path: Path, is_noticed_by: str
) -> None:
    async with news_over_http("legacy", tmp_path) as (peer, upstreams, heard, server):
        await upstreams.watch(server, "f", nothing, uris(A), ANY)
        peer.forget_sessions()
        if is_noticed_by == "stream":
            peer.drop_all()
        else:
            await call(await upstreams.connect(server, "f", nothing), "add")
        await until(lambda: peer.subscribed == [A, A])
        await until(lambda: len(heard) == 3)
        assert peer.gets[-1].headers["mcp-session-id"] == peer.sessions[0]
        assert len(peer.still_open(peer.gets)) == 1


async def test_a_legacy_http_server_that_finds_no_stream_in_a_new_session_has_none(
    tmp_path: Path,
) -> None:
    async def lost(request: Request) -> None:
        request.answer(404)

    async with news_over_http("legacy", tmp_path) as (peer, upstreams, heard, server):
        peer.on_get = lost
        assert await upstreams.watch(server, "f", nothing, uris(A), ANY) == {A}
        await asyncio.sleep(0.05)
        assert len(peer.gets) == 2
        assert len(peer.sessions) == 2
        assert heard == []
        # Another session, another try.
        peer.forget_sessions()
        await call(await upstreams.connect(server, "f", nothing), "add")
        await until(lambda: len(peer.gets) > 2)


async def test_a_modern_http_server_that_restarted_is_watched_again(tmp_path: Path) -> None:
    async with news_over_http("modern", tmp_path) as (peer, upstreams, heard, server):
        assert await upstreams.watch(server, "f", nothing, uris(A), ANY) == {A}
        peer.listens[0].event(note(TOOLS_CHANGED, peer.listens[0]))
        await until(lambda: len(heard) == 1)
        peer.drop_all()
        await until(lambda: len(heard) == 4)
        assert len(peer.still_open(peer.listens)) == 1
        upstreams.unwatch("web")
        await until(lambda: peer.still_open(peer.listens) == [])


async def test_a_legacy_stream_with_ids_is_resumed_and_nothing_was_missed(tmp_path: Path) -> None:
    async def brief(request: Request) -> None:
        request.begin_stream()
        request.chunk(b"retry: 1\nid: e%d\ndata:\n\n" % len(peer.gets))
        request.end_stream()

    async with news_over_http("legacy", tmp_path) as (peer, upstreams, heard, server):
        peer.on_get = brief
        await upstreams.watch(server, "f", nothing, uris(A), ANY)
        await until(lambda: len(peer.gets) == 3)
        resumed = [request.headers.get("last-event-id") for request in peer.gets]
        assert resumed == [None, "e0", "e1"]
        assert (peer.subscribed, heard) == ([A], [])


async def test_an_http_server_without_subscriptions_is_left_in_peace(tmp_path: Path) -> None:
    async def none(request: Request) -> None:
        request.answer(405)

    async with news_over_http("modern", tmp_path) as (peer, upstreams, heard, server):
        peer.on_listen = none
        for _ in range(3):
            assert await upstreams.watch(server, "f", nothing, uris(A), ANY) == set()
        assert len(peer.listens) == 1
        connection = await upstreams.connect(server, "f", nothing)
        assert text_of(await call(connection, "add")) == "ok"
        assert heard == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_watch_takes_no_place_from_calls(tmp_path: Path, era: str) -> None:
    async with news_over_http(era, tmp_path, max_connections=1) as (_, upstreams, _, server):
        await upstreams.watch(server, "f", nothing, uris(A), ANY)
        await upstreams.watch(server, "f", nothing, uris(B), ANY)
        connection = await upstreams.connect(server, "f", nothing)
        assert not connection.is_busy
        assert text_of(await call(connection, "add", timeout_s=2.0)) == "ok"


@pytest.mark.parametrize("how", ["keep_only", "connect", "close"])
async def test_a_watch_ends_with_its_launch(tmp_path: Path, how: str) -> None:
    async with news_over_http("modern", tmp_path) as (peer, upstreams, heard, server):
        await upstreams.watch(server, "f", nothing, uris(A), ANY)
        if how == "keep_only":
            await upstreams.keep_only({})
        elif how == "connect":
            await upstreams.connect(server, "g", nothing)
        else:
            await upstreams.close()
        await until(lambda: peer.still_open(peer.listens) == [])
        await asyncio.sleep(0.05)
        assert len(peer.listens) == 1
        assert heard == []


@pytest.fixture(scope="module")
def sdk_url() -> Iterator[str]:
    command = [sys.executable, str(PEERS / "sdk_server.py"), "http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/mcp"
        server.terminate()


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_server_of_the_official_sdk_is_watched(
    tmp_path: Path, sdk_url: str, transport: str
) -> None:
    command = (sys.executable, str(PEERS / "sdk_server.py"), "stdio")
    over_stdio = Server("sdk", "w", "sdk", "sdk", StdioLaunch(command), True, 0.0)
    server = over_stdio if transport == "stdio" else http_server(sdk_url)
    hello = "echo://hello"
    async with open_upstreams(tmp_path) as upstreams:
        heard = listening_to(upstreams)
        assert await upstreams.watch(server, "f", nothing, uris(A), ANY) == {A}
        assert await upstreams.watch(server, "f", nothing, uris(hello), ANY) == {hello}
        connection = await upstreams.connect(server, "f", nothing)
        await call(connection, "touch", {"uri": A})
        await call(connection, "touch", {"uri": hello})
        await until(lambda: len(heard) == 3)
        assert [method for method, _ in heard] == [TOOLS_CHANGED, UPDATED, TOOLS_CHANGED]
        assert heard[1][1]["uri"] == hello
