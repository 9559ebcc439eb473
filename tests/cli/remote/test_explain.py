"""Explanations from elsewhere."""

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.model.token import OPERATOR, Role
from tests.world import World


async def test_the_same_as_inside(remote: RemoteGateway, here: World) -> None:
    await here.server("git", get_log="y")
    issued = await here.gateway.tokens.issue(OPERATOR, "demo", "r", Role.READONLY)
    for tool, address in (("git__get_log", None), ("git__get_log", "192.0.2.1"), ("no", None)):
        asked = (OPERATOR, "demo", issued.token.id, tool, address)
        inside = await here.gateway.explanations.explain(*asked)
        assert await remote.explanations.explain(*asked) == inside
