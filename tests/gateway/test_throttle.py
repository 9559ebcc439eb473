"""How much a token may do: rates by the clock, places in turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mcpgw.errors import Limited
from mcpgw.gateway import throttle as module
from mcpgw.gateway.throttle import Throttle
from mcpgw.model.bounds import Bounds, Rate
from mcpgw.model.token import OPERATOR, Principal, Role
from tests.fakes import FakeClock
from tests.world import until


@pytest.fixture(autouse=True)
def no_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PENALTY_S", 0.0)


def bearer(bounds: Bounds, token_id: str = "tok_1") -> Principal:  # noqa: S107  (an id)
    return Principal(token_id, "ana", Role.DEVELOPER, "w", bounds)


@asynccontextmanager
async def calling(throttle: Throttle, principal: Principal) -> AsyncIterator[None]:
    """Let one call run for the block."""
    await throttle.begin(principal)
    try:
        yield
    finally:
        throttle.end(principal)


async def calls(throttle: Throttle, principal: Principal, number: int) -> int:
    """Call so often, and return how many were served."""
    served = 0
    for _ in range(number):
        try:
            async with calling(throttle, principal):
                served += 1
        except Limited:
            continue
    return served


async def test_a_rate_allows_its_number_at_once_and_fills_evenly() -> None:
    clock = FakeClock()
    throttle, principal = Throttle(clock), bearer(Bounds(rate=Rate(6, 60.0)))
    assert await calls(throttle, principal, 10) == 6
    clock.pass_s(9.9)
    assert await calls(throttle, principal, 1) == 0
    assert throttle.wait_s(principal) == pytest.approx(0.1)
    clock.pass_s(0.2)
    assert throttle.wait_s(principal) == 0.0
    assert await calls(throttle, principal, 3) == 1
    clock.pass_s(3600)
    assert await calls(throttle, principal, 10) == 6


async def test_a_refusal_says_when_to_come_again() -> None:
    clock = FakeClock()
    throttle, principal = Throttle(clock), bearer(Bounds(rate=Rate(1, 60.0)))
    await calls(throttle, principal, 1)
    clock.pass_s(20)
    with pytest.raises(Limited, match="1/m calls") as caught:
        async with calling(throttle, principal):
            pass
    assert caught.value.retry_after_s == pytest.approx(40)


async def test_a_refusal_takes_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PENALTY_S", 60.0)
    throttle, principal = Throttle(FakeClock()), bearer(Bounds(rate=Rate(1, 60.0)))
    assert await calls(throttle, principal, 1) == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(calls(throttle, principal, 1), 0.01)
    assert throttle._uses["tok_1"].running == 0


async def test_each_token_has_its_own_and_a_new_rate_counts_at_once() -> None:
    throttle = Throttle(FakeClock())
    slow = Bounds(rate=Rate(2, 60.0))
    assert await calls(throttle, bearer(slow), 5) == 2
    assert await calls(throttle, bearer(slow, "tok_2"), 5) == 2
    assert await calls(throttle, bearer(Bounds(rate=Rate(3, 60.0))), 5) == 3
    assert await calls(throttle, bearer(Bounds()), 50) == 50
    assert throttle.wait_s(bearer(Bounds())) == 0.0
    assert throttle.wait_s(bearer(slow, "tok_3")) == 0.0


async def test_the_operator_is_not_counted() -> None:
    throttle = Throttle(FakeClock())
    assert await calls(throttle, OPERATOR, 10) == 10
    assert not throttle._uses


async def test_a_call_too_many_waits_in_turn() -> None:
    throttle, principal = Throttle(FakeClock()), bearer(Bounds(concurrency=1))
    order: list[int] = []

    async def call(number: int) -> None:
        async with calling(throttle, principal):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(call(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert throttle._uses["tok_1"].running == 0


async def test_who_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_S", 0.01)
    throttle, principal = Throttle(FakeClock()), bearer(Bounds(concurrency=1))
    async with calling(throttle, principal):
        with pytest.raises(Limited, match="1 calls under way"):
            async with calling(throttle, principal):
                pass
    assert await calls(throttle, principal, 1) == 1


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 2)
    throttle, principal = Throttle(FakeClock()), bearer(Bounds(concurrency=1))
    use = throttle._remember("tok_1")
    async with calling(throttle, principal):
        waiting = [asyncio.ensure_future(calls(throttle, principal, 1)) for _ in range(2)]
        await until(lambda: len(use.waiting) == 2)
        assert await calls(throttle, principal, 1) == 0
    assert await asyncio.gather(*waiting) == [1, 1]


async def test_who_leaves_while_waiting_takes_no_place() -> None:
    throttle, principal = Throttle(FakeClock()), bearer(Bounds(concurrency=1))
    use = throttle._remember("tok_1")
    async with AsyncExitStack() as running:
        await running.enter_async_context(calling(throttle, principal))
        gone, other = (
            asyncio.ensure_future(calls(throttle, principal, 1)),
            asyncio.ensure_future(calls(throttle, principal, 1)),
        )
        await until(lambda: len(use.waiting) == 2)
        gone.cancel()
        await until(gone.done)
        assert len(use.waiting) == 1
    assert await other == 1
    assert use.running == 0


@pytest.mark.parametrize("is_given_first", [True, False])
async def test_who_leaves_as_its_place_comes_hands_it_on(is_given_first: bool) -> None:
    throttle, principal = Throttle(FakeClock()), bearer(Bounds(concurrency=1))
    use = throttle._remember("tok_1")
    async with AsyncExitStack() as running:
        await running.enter_async_context(calling(throttle, principal))
        gone = asyncio.ensure_future(calls(throttle, principal, 1))
        await until(lambda: len(use.waiting) == 1)
        if not is_given_first:
            gone.cancel()
        await running.aclose()
        gone.cancel()
    await until(gone.done)
    assert (use.running, len(use.waiting)) == (0, 0)
    assert await calls(throttle, principal, 1) == 1


async def test_those_of_whom_there_is_nothing_to_say_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SWEEP_AT", 3)
    clock = FakeClock()
    throttle = Throttle(clock)
    limited = Bounds(rate=Rate(2, 60.0))
    await calls(throttle, bearer(Bounds(), "tok_a"), 1)
    await calls(throttle, bearer(limited, "tok_b"), 1)
    async with calling(throttle, bearer(Bounds(), "tok_c")):
        await calls(throttle, bearer(Bounds(), "tok_d"), 1)
        assert set(throttle._uses) == {"tok_b", "tok_c", "tok_d"}
        clock.pass_s(60)
        await calls(throttle, bearer(Bounds(), "tok_e"), 1)
        assert set(throttle._uses) == {"tok_c", "tok_e"}
