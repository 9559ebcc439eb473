"""Calls over the API, each role its view, page by page."""

from typing import Any

import pytest

from tests.fakes import FakeClock
from tests.web.api.conftest import ApiClient

CALLS = "/calls"


async def call(who: ApiClient, times: int = 1) -> None:
    who.client.token = who.token
    for _ in range(times):
        assert isinstance(who.world.clock, FakeClock)
        who.world.clock.pass_s(1)
        await who.client.modern("tools/call", "git__log", name="git__log")


async def test_a_developer_sees_own_calls(admin: ApiClient, developer: ApiClient) -> None:
    await admin.world.server("git", log="x")
    await call(developer)
    await call(admin)
    own = (await developer.get(CALLS))["items"]
    assert [(one["exposed"], one["member"]) for one in own] == [("git__log", "dev")]
    everybodys = (await admin.get(CALLS))["items"]
    assert [one["member"] for one in everybodys] == ["ada", "dev"]
    assert everybodys[1] == own[0]
    shown = await developer.get(f"{CALLS}/{own[0]['call_id']}")
    assert shown == own[0] | {"row": None}
    await developer.refused(404, "GET", f"{CALLS}/{everybodys[0]['call_id']}")


async def test_readonly_sees_none(reader: ApiClient) -> None:
    await reader.refused(403, "GET", CALLS)


async def test_pages_lead_to_older_calls(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    await call(admin, 5)
    rows = []
    cursor: dict[str, object] = {}
    for _ in range(3):
        page = await admin.get(CALLS, limit=2, **cursor)
        rows.append([one["row"] for one in page["items"]])
        cursor = {"cursor": page["next"]}
        await call(admin)
    assert rows == [[5, 4], [3, 2], [1]]
    assert cursor["cursor"] is None


async def test_what_came_after_a_row_is_told_in_its_order(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    await call(admin, 5)
    page = await admin.get(CALLS, after=2, limit=2)
    assert [one["row"] for one in page["items"]] == [3, 4]
    assert page["next"] is None
    assert (await admin.get(CALLS, after=5))["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"limit": "1001"},
        {"limit": "-1"},
        {"limit": "٣"},
        {"after": "-1"},
        {"since": "yesterday"},
        {"since": "2026-11-20T10:00:00"},
        {"status": "fine"},
        {"slower_than_ms": "nan"},
        {"cursor": "x"},
        {"cursor": "W10"},
        {"tools": "git"},
        [("tool", "a"), ("tool", "b")],
    ],
)
async def test_what_cannot_be_asked(admin: ApiClient, query: Any) -> None:
    answered = await admin.client.ask(
        "GET",
        "/api/v1/workspaces/demo/calls",
        params=query,
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert answered.status == 400, answered.text
