"""Who sees which calls."""

import pytest

from mcpgw.errors import Forbidden, NotFound
from mcpgw.model.audit import CallFilter
from mcpgw.model.token import OPERATOR, Role
from tests.world import World, asked


@pytest.fixture
async def used(world: World) -> World:
    await world.server("git", log="x")
    for member in ("ana", "bob"):
        admission = await world.admission(Role.DEVELOPER, member)
        await world.calls.forward(asked(admission, "tools/call", {"name": b'"git__log"'}))
    return world


async def test_a_developer_sees_own_calls(used: World) -> None:
    ana = (await used.admission(Role.DEVELOPER, "ana")).principal
    wanted = CallFilter(member="bob")
    found = await used.gateway.audit.find(ana, "demo", wanted)
    assert [row.member for _, row in found] == ["ana"]
    own, other = (row.call_id for row in used.journal.rows)
    assert (await used.gateway.audit.show(ana, "demo", own)).member == "ana"
    with pytest.raises(NotFound):
        await used.gateway.audit.show(ana, "demo", other)


async def test_an_admin_and_the_operator_see_all(used: World) -> None:
    admin = (await used.admission(Role.ADMIN, "adm")).principal
    for principal in (admin, OPERATOR):
        assert len(await used.gateway.audit.find(principal, "demo", CallFilter())) == 2
        call_id = used.journal.rows[1].call_id
        assert (await used.gateway.audit.show(principal, "demo", call_id)).member == "bob"


async def test_readonly_sees_none(used: World) -> None:
    readonly = (await used.admission(Role.READONLY, "ana")).principal
    with pytest.raises(Forbidden):
        await used.gateway.audit.find(readonly, "demo", CallFilter())
    with pytest.raises(Forbidden):
        await used.gateway.audit.show(readonly, "demo", used.journal.rows[0].call_id)


async def test_a_call_of_another_workspace_is_not_there(used: World) -> None:
    await used.gateway.workspaces.create(OPERATOR, "other")
    with pytest.raises(NotFound):
        await used.gateway.audit.show(OPERATOR, "other", used.journal.rows[0].call_id)
    with pytest.raises(NotFound):
        await used.gateway.audit.show(OPERATOR, "demo", "call_none")
