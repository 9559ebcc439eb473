"""Sums elsewhere."""

import pytest

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import InvalidInput
from mcpgw.gateway.statistics import Asked
from mcpgw.model.statistics import Dimension, Period
from mcpgw.model.token import OPERATOR
from tests.model.test_statistics import part
from tests.world import World

WEEK = Period(7 * 86400.0, 14 * 86400.0)


async def test_the_same_as_at_the_box(remote: RemoteGateway, here: World) -> None:
    here.journal.parts = [part("ana", calls=3, row=0), part("bob", calls=5, row=0)]
    asked = Asked(Dimension.MEMBER, WEEK)
    answer = await remote.statistics.sum(OPERATOR, "demo", asked)
    assert answer == await here.gateway.statistics.sum(OPERATOR, "demo", asked)
    _, before = await remote.statistics.compare(OPERATOR, "demo", asked)
    assert here.journal.summed[-1][0].period == before.asked.period == WEEK.previous()
    with pytest.raises(InvalidInput):
        await remote.statistics.sum(OPERATOR, "demo", Asked(Dimension.HOUR, Period(5.0, 1.0)))
