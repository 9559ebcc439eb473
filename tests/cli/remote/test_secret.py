"""Secrets elsewhere."""

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import InvalidInput, NotFound
from mcpgw.model.secret import Secret
from mcpgw.model.token import OPERATOR
from tests.world import World


async def test_set_listed_and_deleted(remote: RemoteGateway, here: World) -> None:
    await here.server("git", log="x")
    seen = await remote.secrets.set(OPERATOR, "demo", "git", "KEY", Secret("ünï-1"))
    assert seen.sealed is not None
    assert (seen.server, seen.name, seen.sealed.version) == ("git", "KEY", 1)
    (inside,) = await here.gateway.secrets.list(OPERATOR, "demo")
    assert inside.sealed is not None
    assert inside.sealed.fingerprint == seen.sealed.fingerprint
    assert list(await remote.secrets.list(OPERATOR, "demo")) == [seen]
    await remote.secrets.delete(OPERATOR, "demo", "git", "KEY")
    assert list(await remote.secrets.list(OPERATOR, "demo")) == []


async def test_what_cannot_be_set(remote: RemoteGateway, here: World) -> None:
    await here.server("git", log="x")
    with pytest.raises(InvalidInput, match="no text") as caught:
        await remote.secrets.set(OPERATOR, "demo", "git", "KEY", Secret("canary\udcff"))
    assert "canary" not in caught.value.message + caught.value.hint
    with pytest.raises(NotFound):
        await remote.secrets.set(OPERATOR, "demo", "none", "KEY", Secret("x"))
