"""The journal elsewhere."""

import pytest
from msgspec import structs

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import NotFound
from mcpgw.model.audit import CallFilter
from mcpgw.model.token import OPERATOR
from tests.web.conftest import Client
from tests.world import World


async def test_found_in_their_order_and_shown(
    remote: RemoteGateway, here: World, client: Client
) -> None:
    await here.server("git", log="x")
    for _ in range(5):
        here.clock.pass_s(1)
        await client.modern("tools/call", "git__log", name="git__log")
    inside = [
        (row, structs.replace(event, workspace_id=""))
        for row, event in await here.gateway.audit.find(OPERATOR, "demo", CallFilter())
    ]
    audit = remote.audit
    assert list(await audit.find(OPERATOR, "demo", CallFilter())) == inside
    assert list(await audit.find(OPERATOR, "demo", CallFilter(newest=2))) == inside[-2:]
    since = CallFilter(after_rowid=3, newest=1000)
    assert list(await audit.find(OPERATOR, "demo", since)) == inside[3:]
    assert await audit.show(OPERATOR, "demo", inside[0][1].call_id) == inside[0][1]
    with pytest.raises(NotFound):
        await audit.show(OPERATOR, "demo", "call_none")


async def test_more_than_a_page(remote: RemoteGateway, here: World, client: Client) -> None:
    await here.server("git", log="x")
    await client.modern("tools/call", "git__log", name="git__log")
    (row,) = here.journal.rows
    for number in range(1, 2100):
        started_at = row.started_at + number
        here.journal.rows.append(structs.replace(row, started_at=started_at))
    found = await remote.audit.find(OPERATOR, "demo", CallFilter(newest=2050))
    assert [number for number, _ in found] == list(range(51, 2101))


async def test_page_by_page(
    remote: RemoteGateway, here: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcpgw.cli.remote.audit.MAX_LIMIT", 2)
    await here.server("git", log="x")
    for _ in range(5):
        await client.modern("tools/call", "git__log", name="git__log")
    pages = [page async for page in remote.audit.pages(OPERATOR, "demo", CallFilter())]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one.call_id for page in pages for one in page] == [
        row.call_id for row in here.journal.rows
    ]
