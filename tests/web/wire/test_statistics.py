"""Sums, and what asks for them, there and back."""

import msgspec
import pytest
from msgspec import structs

from mcpgw.gateway.statistics import Answer, Asked
from mcpgw.model.statistics import Dimension, Figures, Period, summed
from mcpgw.web.wire.statistics import Statistics, StatisticsQuery, Sums
from tests.model.test_statistics import by_name, part

PERIOD = Period(1.8e9, 1.8e9 + 86400)


@pytest.mark.parametrize("offset", [0, 2, 23])
def test_a_question_there_and_back(offset: int) -> None:
    asked = Asked(
        by=Dimension.HOUR,
        period=PERIOD,
        target="jira*",
        server="jira",
        member="ana",
        client="cursor",
        token_id="tok_1",
        hour=2,
        hour_of_day=lambda hour: (hour + offset) % 24,
    )
    back = StatisticsQuery.of(asked).asked(0.0)
    assert [back.hour_of_day(hour) for hour in range(30)] == [
        asked.hour_of_day(hour) for hour in range(30)
    ]
    for name in Asked.__slots__:
        if name != "hour_of_day":
            assert getattr(back, name) == getattr(asked, name)


def test_an_answer_there_and_back() -> None:
    asked = Asked(Dimension.MEMBER, PERIOD)
    figures, total = summed([part("a"), part("b", calls=3)], PERIOD, by_name)
    answer = Answer(asked, figures, total, {"a": "call_1", "b": ""})
    sent = msgspec.json.encode(Statistics.of(answer))
    back = msgspec.json.decode(sent, type=Statistics).answer(asked)
    assert [structs.replace(one, slowest_row=1) for one in back.figures] == list(figures)
    assert structs.replace(back.total, slowest_row=1) == total
    assert back.slowest == answer.slowest


def test_every_figure_is_told() -> None:
    told = set(Sums.__struct_fields__) ^ set(Figures.__struct_fields__)
    assert told == {"slowest_row", "slowest_call"}
