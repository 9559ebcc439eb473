"""Who sees which calls."""

import pytest

from mcpgw.errors import Conflict, Forbidden, NotFound
from mcpgw.model.act import ActFilter, ActKind
from mcpgw.model.audit import CallFilter
from mcpgw.model.chain import Anchor
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


async def test_whether_the_journal_is_whole_is_the_operators_affair(used: World) -> None:
    audit = used.gateway.audit
    own, lost = Anchor("calls-00", 4, bytes(16)), Anchor("calls-ff", 9, bytes(16))
    found, acts = await audit.verify(OPERATOR)
    assert (found.rows, found.problem, acts.chain) == (2, "", "acts-00")
    found, _, missing = await audit.verify(OPERATOR, [own, lost, lost])
    assert (found.anchors, found.problem) == (1, "")
    assert (missing.chain, missing.bad_seq) == ("calls-ff", 0)
    assert "replaced" in missing.problem
    admin = (await used.admission(Role.ADMIN, "adm")).principal
    with pytest.raises(Forbidden):
        await audit.verify(admin)
    with pytest.raises(Forbidden):
        await audit.prune(admin, 0.0)


async def test_only_a_whole_journal_is_pruned(used: World) -> None:
    used.journal.bad_seq = 2
    with pytest.raises(Conflict, match="row 2 of the journal"):
        await used.gateway.audit.prune(OPERATOR, 0.0)
    used.journal.bad_seq, used.acts.bad_seq = None, 7
    with pytest.raises(Conflict, match="row 7 of the journal"):
        await used.gateway.audit.prune(OPERATOR, 0.0)
    assert len(used.journal.ends) == 2
    assert ActKind.LOGS_PRUNE not in {act.kind for act in used.store.acts}
    used.acts.bad_seq = None
    assert await used.gateway.audit.prune(OPERATOR, 3600.0) == 0
    used.clock.pass_s(10.0)
    assert await used.gateway.audit.prune(OPERATOR, 5.0) == 2
    assert used.journal.tallied == 2
    (*_, act) = used.store.acts
    assert (act.kind, act.subject, act.detail) == (ActKind.LOGS_PRUNE, "calls", "older than 5s")


async def test_an_admin_sees_the_acts_of_its_workspace(used: World) -> None:
    await used.gateway.workspaces.create(OPERATOR, "other")
    admin = (await used.admission(Role.ADMIN, "adm")).principal
    audit = used.gateway.audit
    mine = [seen.act.kind for seen in await audit.acts(admin, "demo", ActFilter())]
    assert mine[0] is ActKind.WORKSPACE_CREATE
    assert set(mine[1:]) <= {ActKind.TOKEN_ISSUE, ActKind.SERVER_ADD}
    at_box = await audit.acts(OPERATOR, "demo", ActFilter())
    assert [seen.act.kind for seen in at_box] == [ActKind.KEY_MAKE, *mine]
    last = at_box[-1]
    assert (last.act.member, last.act.role, last.who) == ("operator", "operator", "operator (root)")
    assert await audit.act(admin, "demo", last.act_id) == last
    theirs = await audit.acts(OPERATOR, "other", ActFilter())
    for act_id in ("act_000001", theirs[-1].act_id, "act_999999", "call_1", "act_"):
        with pytest.raises(NotFound, match="no act"):
            await audit.act(admin, "demo", act_id)
    with pytest.raises(Forbidden):
        await audit.acts(admin, "other", ActFilter())


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.READONLY])
async def test_nobody_else_sees_acts(used: World, role: Role) -> None:
    principal = (await used.admission(role, "x")).principal
    with pytest.raises(Forbidden):
        await used.gateway.audit.acts(principal, "demo", ActFilter())
    with pytest.raises(Forbidden):
        await used.gateway.audit.act(principal, "demo", "act_000002")
