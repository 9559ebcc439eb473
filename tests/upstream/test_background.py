"""Shared attempts and courtesies: nobody's cancellation is another's."""

import asyncio

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.upstream.background import Background, SingleFlight
from tests.live import spawning


class Attempt:
    """Counts, and ends when it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.gate = asyncio.Event()
        self.error = error

    async def __call__(self) -> int:
        self.count += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.count


async def test_callers_share_one_attempt() -> None:
    attempt = Attempt()
    async with spawning() as spawn:
        flight = SingleFlight("echo", spawn, attempt)
        callers = [asyncio.ensure_future(flight()) for _ in range(20)]
        await asyncio.sleep(0)
        attempt.gate.set()
        assert await asyncio.gather(*callers) == [1] * 20
        assert await flight() == 2


async def test_a_cancelled_caller_does_not_end_it_for_others() -> None:
    attempt = Attempt()
    async with spawning() as spawn:
        flight = SingleFlight("echo", spawn, attempt)
        first, second = asyncio.ensure_future(flight()), asyncio.ensure_future(flight())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        attempt.gate.set()
        assert await second == 1


async def test_an_error_reaches_every_caller_and_the_next_attempt_is_new() -> None:
    attempt = Attempt(UpstreamError("no"))
    attempt.gate.set()
    async with spawning() as spawn:
        flight = SingleFlight("echo", spawn, attempt)
        results = await asyncio.gather(flight(), flight(), return_exceptions=True)
        assert [str(error) for error in results] == ["no", "no"]
        attempt.error = None
        assert await flight() == 2


async def test_an_error_that_nobody_waits_for_is_silent() -> None:
    attempt = Attempt(UpstreamError("no"))
    async with spawning() as spawn:
        flight = SingleFlight("echo", spawn, attempt)
        only = asyncio.ensure_future(flight())
        await asyncio.sleep(0)
        only.cancel()
        await asyncio.wait([only])
        attempt.gate.set()
        await asyncio.sleep(0.01)


async def test_ended_it_fails_who_waits_and_begins_no_more() -> None:
    attempt = Attempt()
    async with spawning() as spawn:
        flight = SingleFlight("echo", spawn, attempt)
        waiting = asyncio.ensure_future(flight())
        await asyncio.sleep(0.01)
        await flight.end()
        for late in (waiting, flight()):
            with pytest.raises(UpstreamError, match="'echo' was changed"):
                await late
        assert attempt.count == 1


async def test_ended_before_it_ran_it_never_attempts() -> None:
    attempt = Attempt()
    async with spawning() as spawn:
        flight = SingleFlight("echo", spawn, attempt)
        waiting = asyncio.ensure_future(flight())
        await asyncio.sleep(0)  # The caller has begun it, its task has not run yet.
        await flight.end()
        with pytest.raises(UpstreamError):
            await waiting
        assert attempt.count == 0


def refuse(work: object) -> object:
    raise RuntimeError("TaskGroup is shutting down")


async def test_an_owner_that_shuts_down_takes_nothing_more() -> None:
    flight = SingleFlight("echo", refuse, Attempt())
    with pytest.raises(UpstreamError, match="stopped"):
        await flight()
    assert not Background(refuse).run(Attempt())


async def test_background_work_is_bounded_and_its_failures_are_silent() -> None:
    failing, waiting = Attempt(UpstreamError("no")), Attempt()
    async with spawning() as spawn:
        background = Background(spawn, limit=2)
        assert [background.run(work) for work in (failing, waiting, waiting)] == [True, True, False]
        failing.gate.set()
        waiting.gate.set()
        await asyncio.sleep(0.01)
        assert background.run(waiting)
        await asyncio.sleep(0.01)
    assert (failing.count, waiting.count) == (1, 2)
