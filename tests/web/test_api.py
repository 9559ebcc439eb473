"""Calls over the API, each role its view."""

import pytest

from mcpgw.model.token import OPERATOR, Role
from tests.web.conftest import Client

CALLS = "/api/v1/workspaces/demo/calls"


async def test_a_developer_sees_own_calls(client: Client) -> None:
    await client.world.server("git", log="x")
    await client.modern("tools/call", "git__log", name="git__log")
    other = await client.world.gateway.tokens.issue(OPERATOR, "demo", "bob", Role.ADMIN, None)
    mine, theirs = client.token, other.text
    assert [c["exposed"] for c in (await client.ask("GET", CALLS)).json["calls"]] == ["git__log"]
    client.token = theirs
    await client.modern("tools/call", "git__log", name="git__log")
    assert len((await client.ask("GET", CALLS)).json["calls"]) == 2
    client.token = mine
    assert [c["member"] for c in (await client.ask("GET", CALLS)).json["calls"]] == ["ana"]


async def test_readonly_sees_none(client: Client) -> None:
    issued = await client.world.gateway.tokens.issue(OPERATOR, "demo", "r", Role.READONLY, None)
    client.token = issued.text
    assert (await client.ask("GET", CALLS)).status == 403


@pytest.mark.parametrize("limit", ["0", "x", "1001", "-1", "٣"])
async def test_a_bad_limit(client: Client, limit: str) -> None:
    assert (await client.ask("GET", CALLS, params={"limit": limit})).status == 400
