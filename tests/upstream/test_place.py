"""One connection, made once for everybody, remembered when it fails, replaced when it breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcpgw.errors import NotFound, UpstreamError
from mcpgw.protocol.era import Era
from mcpgw.upstream import place
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.handshake import Agreement, Declined
from mcpgw.upstream.place import Place
from tests.live import spawning


class Wire:
    """A transport that lives until it is told otherwise."""

    session = b""

    def __init__(self) -> None:
        self.is_alive = True
        self.is_busy = False
        self.is_closed = False

    def next_id(self) -> int:
        return 1

    async def exchange(self, *_: Any) -> Any:
        raise AssertionError

    async def listen(self, *_: Any) -> Any:
        raise AssertionError

    async def hear(self, *_: Any) -> Any:
        raise AssertionError

    async def close(self) -> None:
        self.is_closed = True
        self.is_alive = False


class Opening:
    """Makes connections, or fails, when its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.wires: list[Wire] = []
        self.attempts = 0

    async def __call__(self) -> Connection:
        self.attempts += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.wires.append(Wire())
        return Connection(self.wires[-1], Agreement(Era.LEGACY, "2025-11-25", {}, "", {}))


@asynccontextmanager
async def held(opening: Opening) -> AsyncIterator[Place]:
    async with spawning() as spawn:
        yield Place("peer", spawn, opening)


async def test_one_attempt_makes_the_connection_for_everybody() -> None:
    opening = Opening()
    async with held(opening) as here:
        connections = await asyncio.gather(*[here.connect() for _ in range(10)])
        assert len({id(one) for one in connections}) == 1
        assert await here.connect() is here.connection is connections[0]
        assert opening.attempts == 1


def state(here: Place) -> str:
    assert not (here.is_busy and here.is_idle)
    return "busy" if here.is_busy else "idle" if here.is_idle else "in between"


async def test_it_is_idle_when_nobody_would_notice_its_end() -> None:
    opening = Opening()
    opening.gate.clear()
    async with held(opening) as here:
        assert state(here) == "idle"
        connecting = asyncio.ensure_future(here.connect())
        await asyncio.sleep(0)
        assert state(here) == "in between"
        opening.gate.set()
        await connecting
        assert state(here) == "idle"
        opening.wires[0].is_busy = True
        assert state(here) == "busy"
        opening.wires[0].is_alive = False
        assert state(here) == "idle"


@pytest.mark.parametrize("error", [UpstreamError("down"), Declined("never", "ask again")])
async def test_a_failure_stands_for_a_moment(
    error: UpstreamError, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Opening()
    opening.error = error
    async with held(opening) as here:
        for _ in range(5):
            with pytest.raises(UpstreamError) as caught:
                await here.connect()
            assert type(caught.value) is type(error)
            assert (caught.value.message, caught.value.hint) == (error.message, error.hint)
        assert opening.attempts == 1
        monkeypatch.setattr(place, "FAILURE_S", 0.0)
        opening.error = None
        assert (await here.connect()).is_alive


async def test_an_error_of_ours_stands_for_nobody() -> None:
    opening = Opening()
    opening.error = NotFound("the secret is gone")
    async with held(opening) as here:
        for _ in range(2):
            with pytest.raises(NotFound):
                await here.connect()
        assert opening.attempts == 2


async def test_what_broke_is_buried_and_replaced_ever_more_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(place, "MAX_WAIT_S", 0.15)
    opening = Opening()
    async with held(opening) as here:
        with pytest.raises(UpstreamError, match="'peer' keeps breaking; the next start is in 1 s"):
            while opening.attempts < 10:
                await here.connect()
                opening.wires[-1].is_alive = False
        assert 2 <= opening.attempts <= 4
        assert all(wire.is_closed for wire in opening.wires[:-1])
        # Once it has lived long, its end is no habit.
        monkeypatch.setattr(place, "LAST_PAUSE_S", 0.0)
        assert (await here.connect()).is_alive


async def test_closing_ends_the_connection_and_the_attempt_to_make_it() -> None:
    opening = Opening()
    async with held(opening) as here:
        await here.connect()
        await here.close()
        assert opening.wires[0].is_closed
        with pytest.raises(UpstreamError, match="was changed or is being stopped"):
            await here.connect()
    opening.gate.clear()
    async with held(opening) as here:
        connecting = asyncio.ensure_future(here.connect())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await here.close()
        with pytest.raises(UpstreamError, match="was changed or is being stopped"):
            await connecting
