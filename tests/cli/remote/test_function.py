"""Tools elsewhere as their servers described them."""

import pytest

from mcpgw.cli.remote.function import visible
from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import UpstreamError
from mcpgw.gateway import offer
from mcpgw.model.token import OPERATOR
from tests.world import World


async def test_they_are_those_that_the_gateway_itself_sees(
    remote: RemoteGateway, here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.server("git", frobnicate="x", get_log="y")
    monkeypatch.setattr(offer, "PAGE_ITEMS", 1)
    admission = await here.gateway.access.admit(OPERATOR, "demo")
    assert await visible(remote) == await here.gateway.functions.tools(admission)


async def test_a_gateway_that_does_not_list(
    remote: RemoteGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(gateway: RemoteGateway, method: str, params: object, schema: bytes) -> bytes:
        return b'{"error":{"code":1,"message":"no"}}'

    monkeypatch.setattr(RemoteGateway, "ask", refused)
    with pytest.raises(UpstreamError):
        await visible(remote)
