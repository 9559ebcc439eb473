"""Tools elsewhere."""

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import NotFound
from mcpgw.model.token import OPERATOR, Role
from mcpgw.model.tool_class import ToolClass
from tests.world import World


async def test_listed_ruled_on_and_counted(remote: RemoteGateway, here: World) -> None:
    await here.server("git", frobnicate="x", get_log="y")
    tools, inside = remote.tools, here.gateway.tools
    assert list(await tools.list(OPERATOR, "demo")) == list(await inside.list(OPERATOR, "demo"))
    ruled = await tools.rule(OPERATOR, "demo", "git__frobnicate", ToolClass.READ)
    assert (ruled.classed.kind, ruled.name) == (ToolClass.READ, "frobnicate")
    issued = await here.gateway.tokens.issue(OPERATOR, "demo", "r", Role.READONLY)
    visible = await tools.seen_by_token(OPERATOR, "demo", issued.token.id)
    assert (visible.tools, visible.all_tools) == (2, 2)
    unruled = await tools.rule(OPERATOR, "demo", "git__frobnicate", None)
    assert unruled.classed.kind is ToolClass.WRITE
    with pytest.raises(NotFound):
        await tools.rule(OPERATOR, "demo", "git__none", ToolClass.READ)
