"""Members elsewhere."""

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import NotFound
from mcpgw.model.token import OPERATOR, Role
from tests.world import World

ANA = "ana+x@team.org/§ %&"


async def test_listed_removed_and_offboarded(remote: RemoteGateway, here: World) -> None:
    members = remote.members
    first = await here.gateway.tokens.issue(OPERATOR, "demo", ANA, Role.DEVELOPER)
    assert ANA in [one.member for one in await members.list(OPERATOR, "demo")]
    shown = await members.show(OPERATOR, "demo", ANA)
    assert [one.token.id for one in shown.tokens] == [first.token.id]
    removed = await members.remove(OPERATOR, "demo", ANA)
    assert [one.id for one in removed] == [first.token.id]
    second = await here.gateway.tokens.issue(OPERATOR, "demo", ANA, Role.ADMIN)
    gone = await members.offboard(OPERATOR, "demo", ANA)
    assert [one.id for one in gone.revoked] == [second.token.id]
    assert gone.was_admin
    with pytest.raises(NotFound):
        await members.show(OPERATOR, "demo", "eve")
