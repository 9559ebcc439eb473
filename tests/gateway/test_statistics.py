"""Who may add up which calls, and how they are named."""

import pytest

from mcpgw.errors import Forbidden, InvalidInput, NotFound
from mcpgw.gateway.statistics import MAX_LENGTH_S, Asked
from mcpgw.model.audit import Outcome
from mcpgw.model.statistics import Dimension, Period
from mcpgw.model.token import OPERATOR, Role
from tests.model.test_statistics import part
from tests.world import World

WEEK = Period(0.0, 7 * 86400.0)


@pytest.fixture
async def used(world: World) -> World:
    world.journal.parts = [
        part("ana", hour=2, calls=3, row=7),
        part("bob", hour=26, calls=5, outcome=Outcome.TIMEOUT, row=0),
        part("bob", hour=27, calls=1),
    ]
    return world


async def test_a_developer_adds_up_own_calls(used: World) -> None:
    ana = (await used.admission(Role.DEVELOPER, "ana")).principal
    asked = Asked(Dimension.MEMBER, WEEK, member="bob")
    answer = await used.gateway.statistics.sum(ana, "demo", asked)
    assert [(one.name, one.calls) for one in answer.figures] == [("ana", 3)]
    assert answer.asked.member == "ana"


async def test_an_admin_and_the_operator_add_up_all(used: World) -> None:
    admin = (await used.admission(Role.ADMIN, "adm")).principal
    for principal in (admin, OPERATOR):
        answer = await used.gateway.statistics.sum(principal, "demo", Asked(Dimension.MEMBER, WEEK))
        assert [(one.name, one.calls) for one in answer.figures] == [("bob", 6), ("ana", 3)]
        assert answer.total.calls == 9
        assert answer.slowest == {"ana": "call of row 7", "bob": "call of row 1"}
        assert answer.of("ana") == answer.figures[1]
        assert answer.of("eve") is None
    wanted, by = used.journal.summed[-1]
    workspace = used.store.held.workspaces["demo"]
    assert (wanted.workspace_id, wanted.period, by) == (workspace.id, WEEK, Dimension.MEMBER)


async def test_readonly_adds_up_nothing(used: World) -> None:
    readonly = (await used.admission(Role.READONLY, "r")).principal
    with pytest.raises(Forbidden):
        await used.gateway.statistics.sum(readonly, "demo", Asked(Dimension.MEMBER, WEEK))
    with pytest.raises(NotFound):
        await used.gateway.statistics.sum(OPERATOR, "none", Asked(Dimension.MEMBER, WEEK))


async def test_hours_of_the_day_are_those_of_who_asks(used: World) -> None:
    statistics = used.gateway.statistics
    answer = await statistics.sum(OPERATOR, "demo", Asked(Dimension.HOUR, WEEK))
    assert [(one.name, one.calls) for one in answer.figures] == [("02", 8), ("03", 1)]
    shifted = Asked(Dimension.HOUR, WEEK, hour_of_day=lambda hour: (hour + 23) % 24)
    answer = await statistics.sum(OPERATOR, "demo", shifted)
    assert [one.name for one in answer.figures] == ["01", "02"]
    asked = Asked(Dimension.HOUR, WEEK, hour=2, hour_of_day=lambda hour: (hour + 1) % 24)
    await statistics.sum(OPERATOR, "demo", asked)
    assert used.journal.summed[-1][0].hours == frozenset(range(1, 7 * 24, 24))


async def test_by_status(used: World) -> None:
    answer = await used.gateway.statistics.sum(OPERATOR, "demo", Asked(Dimension.STATUS, WEEK))
    assert [(one.name, one.calls) for one in answer.figures] == [("timeout", 5), ("ok", 4)]


async def test_the_time_before(used: World) -> None:
    asked = Asked(Dimension.MEMBER, Period(7 * 86400.0, 14 * 86400.0))
    _, before = await used.gateway.statistics.compare(OPERATOR, "demo", asked)
    assert before.asked.period == WEEK


@pytest.mark.parametrize(
    "asked",
    [
        Asked(Dimension.HOUR, Period(5.0, 5.0)),
        Asked(Dimension.HOUR, Period(5.0, 4.0)),
        Asked(Dimension.HOUR, Period(0.0, MAX_LENGTH_S + 1)),
        Asked(Dimension.HOUR, WEEK, hour=24),
        Asked(Dimension.HOUR, WEEK, hour=-1),
    ],
)
async def test_what_can_never_be_answered(world: World, asked: Asked) -> None:
    with pytest.raises(InvalidInput):
        await world.gateway.statistics.sum(OPERATOR, "demo", asked)
