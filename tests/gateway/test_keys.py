"""Keys unlock the vault at need."""

import pytest

from mcpgw.errors import NotFound, VaultLocked
from mcpgw.gateway.keys import Keys
from mcpgw.model.key import KeyKind
from tests.fakes import FakeStore, FakeVault
from tests.world import World


async def test_a_closed_vault_is_opened_by_the_first_use(world: World) -> None:
    vault = FakeVault()
    key = Keys(vault).newest(await world.current.configuration(), KeyKind.TOKEN)
    assert vault.is_open
    assert key.kind is KeyKind.TOKEN


def test_without_slots_there_is_no_key() -> None:
    with pytest.raises(VaultLocked):
        Keys(FakeVault()).newest(FakeStore().held, KeyKind.TOKEN)


async def test_a_kind_that_was_never_made_is_named(world: World) -> None:
    with pytest.raises(NotFound, match="workspace"):
        Keys(world.vault).newest(
            await world.current.configuration(), KeyKind.WORKSPACE, "elsewhere"
        )
