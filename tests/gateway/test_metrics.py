"""Who may see which numbers."""

import pytest

from mcpgw.errors import Forbidden, NotFound
from mcpgw.model.token import OPERATOR, Role
from tests.world import World, asked


@pytest.fixture
async def used(world: World) -> World:
    await world.server("git", log="x")
    admission = await world.admission()
    await world.calls.forward(asked(admission, "tools/call", {"name": b'"git__log"'}))
    return world


async def test_an_admin_sees_those_of_its_workspace(used: World) -> None:
    await used.gateway.workspaces.create(OPERATOR, "other")
    admin = (await used.admission(Role.ADMIN, "adm")).principal
    stranger = (await used.admission(Role.ADMIN, "adm", "other")).principal
    counted = await used.gateway.metrics.read(admin, "demo")
    assert counted.calls == [(("demo", "git", "git__log", "ok", "mcp"), 1)]
    assert [key for key, _ in counted.own_durations] == [("demo",)]
    assert (await used.gateway.metrics.read(stranger, "other")).calls == []
    with pytest.raises(Forbidden):
        await used.gateway.metrics.read(stranger, "demo")
    with pytest.raises(Forbidden):
        await used.gateway.metrics.read(admin, None)
    developer = (await used.admission(Role.DEVELOPER, "dev")).principal
    with pytest.raises(Forbidden):
        await used.gateway.metrics.read(developer, "demo")


async def test_the_operator_sees_all(used: World) -> None:
    counted = await used.gateway.metrics.read(OPERATOR, None)
    assert [key[0] for key, _ in counted.calls] == ["demo"]
    assert (counted.under_way, counted.is_degraded) == (0, False)
    used.journal.is_broken = True
    assert (await used.gateway.metrics.read(OPERATOR, "demo")).is_degraded
    with pytest.raises(NotFound):
        await used.gateway.metrics.read(OPERATOR, "none")


async def test_a_workspace_that_is_gone_is_told_of_no_more(used: World) -> None:
    used.store.change(workspaces={})
    assert (await used.gateway.metrics.read(OPERATOR, None)).calls == []
