"""The configuration is read when it changed, and only then."""

import asyncio

import pytest

from mcpgw.errors import StorageError
from mcpgw.gateway.current import Current
from tests.fakes import FakeStore


async def next_turn() -> None:
    await asyncio.sleep(0)


async def test_it_is_read_once_until_it_changes() -> None:
    store = FakeStore()
    current = Current(store)
    first = await current.configuration()
    await next_turn()
    assert await current.configuration() is first
    assert store.loads == 1
    await next_turn()
    store.change(install_id="other")
    assert (await current.configuration()).install_id == "other"
    assert store.loads == 2


async def test_the_counter_is_asked_once_a_turn_and_again_in_the_next() -> None:
    store = FakeStore()
    current = Current(store)
    await current.configuration()
    asked = store.asked
    await asyncio.gather(*(current.configuration() for _ in range(5)))
    assert store.asked == asked + 1
    await next_turn()
    await current.configuration()
    assert store.asked == asked + 2


async def test_who_arrives_after_a_commit_sees_it() -> None:
    """A request that the loop reads in the turn of a look is handled in a later one."""
    store = FakeStore()
    current = Current(store)
    await current.configuration()
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()

    async def request() -> str:
        await arrived
        return (await current.configuration()).install_id

    waiting = asyncio.ensure_future(request())
    await next_turn()
    assert (await current.configuration()).install_id == "install"
    store.change(install_id="changed")
    arrived.set_result(None)
    assert await waiting == "changed"


async def test_an_unreadable_store_lets_nobody_in_on_old_state() -> None:
    store = FakeStore()
    current = Current(store)
    await current.configuration()
    await next_turn()
    store.is_broken = True
    with pytest.raises(StorageError):
        await current.configuration()
