"""Sums over the API, each role its view."""

import pytest

from tests.model.test_statistics import part
from tests.web.api.conftest import ApiClient

STATISTICS = "/statistics"


@pytest.fixture(autouse=True)
def used(admin: ApiClient) -> None:
    admin.world.journal.parts = [part("dev", calls=3, row=7), part("ada", calls=5, row=0)]


async def test_a_developer_adds_up_own_calls(admin: ApiClient, developer: ApiClient) -> None:
    found = await developer.get(STATISTICS, by="member", member="ada")
    assert [(one["name"], one["calls"]) for one in found["items"]] == [("dev", 3)]
    assert found["items"][0]["slowest_call"] == "call of row 7"
    everybodys = await admin.get(STATISTICS, by="member")
    assert [one["name"] for one in everybodys["items"]] == ["ada", "dev"]
    assert everybodys["total"]["calls"] == 8


async def test_readonly_adds_up_nothing(reader: ApiClient) -> None:
    await reader.refused(403, "GET", STATISTICS)


async def test_the_last_week_unless_told_otherwise(admin: ApiClient) -> None:
    await admin.get(STATISTICS)
    wanted, _ = admin.world.journal.summed[-1]
    now = admin.world.clock.now()
    assert (wanted.period.since, wanted.period.until) == (now - 7 * 86400.0, now)
    await admin.get(STATISTICS, since="2027-01-01T00:00:00Z", until="2027-01-02T00:00:00Z")
    wanted, _ = admin.world.journal.summed[-1]
    assert wanted.period.length_s == 86400.0


@pytest.mark.parametrize(
    "query",
    [
        {"by": "moon"},
        {"hour": "24"},
        {"offset": "-1"},
        {"since": "2027-01-02T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
        {"since": "2020-01-01T00:00:00Z"},
        {"tools": "x"},
    ],
)
async def test_what_cannot_be_asked(admin: ApiClient, query: dict[str, str]) -> None:
    await admin.refused(400, "GET", STATISTICS, **query)
