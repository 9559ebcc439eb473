"""The configuration is read when it changed, and only then."""

import pytest

from mcpgw.errors import StorageError
from mcpgw.gateway.current import Current
from tests.fakes import FakeStore


async def test_it_is_read_once_until_it_changes() -> None:
    store = FakeStore()
    current = Current(store)
    first = await current.configuration()
    assert await current.configuration() is first
    assert store.loads == 1
    store.change(install_id="other")
    assert (await current.configuration()).install_id == "other"
    assert store.loads == 2


async def test_an_unreadable_store_lets_nobody_in_on_old_state() -> None:
    store = FakeStore()
    current = Current(store)
    await current.configuration()
    store.is_broken = True
    with pytest.raises(StorageError):
        await current.configuration()
