"""Keys unlock the vault at need."""

from dataclasses import replace

import pytest

from mcpgw.errors import NotFound, VaultLocked
from mcpgw.gateway.keys import Keys
from mcpgw.model.key import KeyKind
from tests.fakes import FakeActs, FakeStore, FakeVault
from tests.world import World


async def test_a_closed_vault_is_opened_by_the_first_use(world: World) -> None:
    vault = FakeVault()
    key = Keys(vault, world.acts).newest(await world.current.configuration(), KeyKind.TOKEN)
    assert vault.is_open
    assert key.kind is KeyKind.TOKEN
    assert world.acts.sign is not None


async def test_without_a_key_for_them_acts_are_not_signed(world: World) -> None:
    configuration = await world.current.configuration()
    older = {i: key for i, key in configuration.datakeys.items() if key.kind is not KeyKind.AUDIT}
    acts = FakeActs(world.store)
    Keys(FakeVault(), acts).unlock(replace(configuration, datakeys=older))
    assert acts.sign is None


def test_without_slots_there_is_no_key() -> None:
    with pytest.raises(VaultLocked):
        store = FakeStore()
        Keys(FakeVault(), FakeActs(store)).newest(store.held, KeyKind.TOKEN)


async def test_a_kind_that_was_never_made_is_named(world: World) -> None:
    with pytest.raises(NotFound, match="workspace"):
        Keys(world.vault, world.acts).newest(
            await world.current.configuration(), KeyKind.WORKSPACE, "elsewhere"
        )
