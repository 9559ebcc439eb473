"""Token records: they come back to the bit, and revoking clears the MAC."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from mcpgw.errors import NotFound, StorageError
from mcpgw.store import tables
from mcpgw.store.opened import Store
from tests.store.records import ACT, NOW, token


@pytest.mark.parametrize("expires_at", [None, NOW, 1.8e9 + 1 / 3, 0.1 + 0.2])
async def test_what_the_mac_covers_comes_back_the_same(
    demo: Store, expires_at: float | None
) -> None:
    issued = token(expires_at=expires_at)
    await demo.tokens.add(issued, ACT)
    found = (await demo.configuration.load()).tokens[issued.index]
    assert found == issued
    assert found.decisive_fields() == issued.decisive_fields()


async def test_revoking_clears_the_mac_and_keeps_the_first_time(demo: Store) -> None:
    await demo.tokens.add(token(), ACT)
    await demo.tokens.add(token("tok_2"), ACT)
    for revoked_at in (NOW + 1, NOW + 2):
        await demo.tokens.revoke(["tok_1"], revoked_at, ACT)
        found = (await demo.configuration.load()).tokens
        assert found[b"tok_1"] == replace(token(), revoked_at=NOW + 1, row_mac=b"")
        assert found[b"tok_2"] == token("tok_2")


async def test_revoking_what_is_gone(demo: Store) -> None:
    await demo.tokens.add(token(), ACT)
    with pytest.raises(NotFound):
        await demo.tokens.revoke(["tok_1", "tok_gone"], NOW, ACT)
    assert (await demo.configuration.load()).tokens[b"tok_1"] == token()


async def test_a_token_of_a_workspace_that_is_gone(demo: Store) -> None:
    with pytest.raises(NotFound):
        await demo.tokens.add(token(workspace_id="ws_gone"), ACT)


async def test_the_same_digest_twice_is_refused(demo: Store) -> None:
    await demo.tokens.add(token(), ACT)
    with pytest.raises(StorageError):
        await demo.tokens.add(replace(token("tok_2"), index=token().index), ACT)


async def test_a_role_that_mcpgw_does_not_know(demo: Store) -> None:
    await demo.tokens.add(token(), ACT)
    await demo.database.write(
        lambda connection: connection.execute(update(tables.token).values(role="root"))
    )
    with pytest.raises(StorageError, match="did not write"):
        await demo.configuration.load()
