"""The one standing stream of a session: shared, kept for calls, opened again, never twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.upstream import http_standing
from mcpgw.upstream.http_standing import StandingStream
from tests.live import spawning
from tests.process import until

BROKE = UpstreamError("it broke")


class Held:
    """A stream that is asked for: it begins and ends as the test says."""

    def __init__(self, on_open: Callable[[], None]) -> None:
        self.begin = on_open
        self.end: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()


class Peer:
    """A server whose streams are `held`, the last one open at most."""

    def __init__(self) -> None:
        self.held: list[Held] = []
        self.begins_at_once = True
        self.open = 0
        self.standing: StandingStream

    async def hold(self, on_open: Callable[[], None]) -> float | None:
        held = Held(on_open)
        self.held.append(held)
        self.open += 1
        assert self.open == 1, "there are two streams"
        if self.begins_at_once:
            on_open()
        try:
            return await held.end
        finally:
            self.open -= 1

    def fail(self) -> None:
        self.held[-1].end.set_exception(BROKE)

    def follow(self) -> tuple["asyncio.Future[float | None]", list[bool]]:
        opened: list[bool] = []
        return asyncio.ensure_future(self.standing.follow(lambda: opened.append(True))), opened


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch, **times: float) -> AsyncIterator[Peer]:
    for name, seconds in {"FIRST_PAUSE_S": 0.01, "CALL_WAITS_S": 0.05, **times}.items():
        monkeypatch.setattr(http_standing, name, seconds)
    async with spawning() as spawn:
        peer = Peer()
        peer.standing = StandingStream("web", spawn, peer.hold)
        try:
            yield peer
        finally:
            peer.standing.close()


async def test_who_follows_hears_of_its_begin_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as peer:
        first, first_opened = peer.follow()
        await until(lambda: first_opened == [True])
        second, second_opened = peer.follow()
        await until(lambda: second_opened == [True])
        peer.held[0].end.set_result(2.5)
        assert (await first, await second) == (2.5, 2.5)
        await asyncio.sleep(0.02)
        assert len(peer.held) == 1  # Nobody wants another one.
        third, _ = peer.follow()
        await until(lambda: len(peer.held) == 2)
        peer.fail()
        with pytest.raises(UpstreamError, match="it broke"):
            await third


async def test_it_ends_with_the_last_who_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as peer:
        first, opened = peer.follow()
        second, _ = peer.follow()
        await until(lambda: opened == [True])
        first.cancel()
        await asyncio.wait([first])
        assert peer.open == 1
        second.cancel()
        await until(lambda: peer.open == 0)
        assert len(peer.held) == 1


async def test_who_leaves_before_it_begins_opens_nothing() -> None:
    begun: list[Coroutine[Any, Any, None]] = []
    peer = Peer()
    peer.standing = StandingStream("web", begun.append, peer.hold)
    following, _ = peer.follow()
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    (work,) = begun
    await work
    assert peer.held == []


@pytest.mark.parametrize("wants", ["follow", "keep"])
async def test_who_wants_it_while_it_is_ended_gets_another_one(
    monkeypatch: pytest.MonkeyPatch, wants: str
) -> None:
    async with serving(monkeypatch) as peer:
        first, opened = peer.follow()
        await until(lambda: opened == [True])
        first.cancel()
        await asyncio.sleep(0)  # It has left; its stream ends with the next turn of the loop.
        assert peer.open == 1
        if wants == "follow":
            second, opened = peer.follow()
            await until(lambda: opened == [True])
            assert not second.done()
        else:
            await peer.standing.keep()
        assert (len(peer.held), peer.open) == (2, 1)


async def test_a_call_waits_for_it_to_begin_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch, CALL_WAITS_S=0.1) as peer:
        peer.begins_at_once = False
        waiting = asyncio.ensure_future(peer.standing.keep())
        await until(lambda: len(peer.held) == 1)
        assert not waiting.done()
        peer.held[0].begin()
        await waiting
        peer.standing.renew()
        peer.held[0].end.set_exception(BROKE)
        await peer.standing.keep()  # In vain.
        await peer.standing.keep()
        assert len(peer.held) == 2
        peer.held[1].begin()
        assert peer.open == 1


@pytest.mark.parametrize("outcome", [0.01, BROKE])
async def test_it_is_opened_again_while_calls_want_it(
    monkeypatch: pytest.MonkeyPatch, outcome: float | UpstreamError
) -> None:
    async with serving(monkeypatch) as peer:
        await peer.standing.keep()
        for count in (2, 3):
            if isinstance(outcome, UpstreamError):
                peer.fail()
            else:
                peer.held[-1].end.set_result(outcome)
            await until(lambda wanted=count: len(peer.held) == wanted)  # type: ignore[misc]
        await peer.standing.keep()
        assert len(peer.held) == 3


async def test_what_fails_is_tried_ever_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, LAST_PAUSE_S=0.03) as peer:
        await peer.standing.keep()
        pauses = []
        for count in range(2, 5):
            peer.fail()
            await until(lambda wanted=count: len(peer.held) == wanted)  # type: ignore[misc]
            pauses.append(peer.standing._pause_s)
        assert pauses == [0.01, 0.02, 0.03]
        peer.held[-1].end.set_result(0.0)
        await until(lambda: len(peer.held) == 5)
        assert peer.standing._pause_s == 0.0
        await asyncio.sleep(0.04)
        peer.fail()
        await until(lambda: len(peer.held) == 6)
        assert peer.standing._pause_s == 0.01


@pytest.mark.parametrize("wakes", ["renew", "follow"])
async def test_a_session_that_is_unknown_is_left_until_there_is_another(
    monkeypatch: pytest.MonkeyPatch, wakes: str
) -> None:
    async with serving(monkeypatch) as peer:
        await peer.standing.keep()
        peer.held[0].end.set_result(None)
        await asyncio.sleep(0.03)
        assert len(peer.held) == 1
        if wakes == "renew":
            peer.standing.renew()
            await peer.standing.keep()
        else:
            _, opened = peer.follow()
            await until(lambda: opened == [True])
        assert len(peer.held) == 2


async def test_a_session_that_is_made_anew_gets_its_stream_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch, FIRST_PAUSE_S=60.0) as peer:
        await peer.standing.keep()
        peer.standing.renew()
        peer.fail()
        await peer.standing.keep()
        assert len(peer.held) == 2


async def test_it_lingers_for_the_next_call_and_then_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, LINGER_S=0.1) as peer:
        standing = peer.standing
        for _ in range(2):
            await standing.keep()
        standing.release()
        await asyncio.sleep(0.15)
        assert peer.open == 1  # A call runs.
        standing.release()
        await asyncio.sleep(0.05)
        await standing.keep()
        standing.release()
        await asyncio.sleep(0.08)
        assert (peer.open, len(peer.held)) == (1, 1)
        await standing.keep()
        await asyncio.sleep(0.05)
        standing.release()
        await until(lambda: peer.open == 0)
        await standing.keep()
        assert (peer.open, len(peer.held)) == (1, 2)


async def test_a_watch_that_waits_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, LINGER_S=0.02) as peer:
        following, opened = peer.follow()
        await until(lambda: opened == [True])
        await peer.standing.keep()
        peer.standing.release()
        await asyncio.sleep(0.05)
        assert (peer.open, len(peer.held)) == (1, 1)
        following.cancel()
        await until(lambda: peer.open == 0)


async def test_what_is_closed_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as peer:
        following, opened = peer.follow()
        await until(lambda: opened == [True])
        await peer.standing.keep()
        peer.standing.release()
        peer.standing.close()
        with pytest.raises(UpstreamError, match="is being stopped"):
            await following
        with pytest.raises(UpstreamError, match="is being stopped"):
            await peer.standing.follow(lambda: None)
        await peer.standing.keep()
        peer.standing.release()
        assert (peer.open, len(peer.held)) == (0, 1)


async def test_an_owner_that_is_stopping_starts_nothing() -> None:
    def refuse(work: object) -> object:
        raise RuntimeError("the group is shutting down")

    peer = Peer()
    standing = StandingStream("web", refuse, peer.hold)
    with pytest.raises(UpstreamError, match="is being stopped"):
        await standing.follow(lambda: None)
    await standing.keep()
    assert peer.held == []
