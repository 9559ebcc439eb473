"""Who one is, for every role, and nothing of the configuration."""

from mcpgw.model.bounds import Bounds
from mcpgw.model.token import OPERATOR, Role
from tests.web.api.conftest import ApiClient
from tests.web.conftest import Client


async def test_a_readonly_token_learns_who_it_is_and_no_more(client: Client) -> None:
    await client.world.server("git", get_log="x", delete_branch="y")
    bounds = Bounds(servers=("git",), concurrency=2)
    issued = await client.world.gateway.tokens.issue(
        OPERATOR, "demo", "rita", Role.READONLY, 60.0, bounds
    )
    reader = ApiClient(client, issued.text, issued.token.id)
    me = await reader.get("/me")
    assert me.pop("expires_at").startswith("2027-01-15T08:01:00")
    assert me == {
        "token": issued.token.id,
        "member": "rita",
        "role": "readonly",
        "workspace": "demo",
        "bounds": {
            "servers": ["git"],
            "tools": [],
            "addresses": [],
            "rate": None,
            "concurrency": 2,
        },
        "visible": {"tools": 1, "all_tools": 2, "absence": "", "problems": []},
    }


async def test_why_there_is_nothing(reader: ApiClient) -> None:
    assert "no servers yet" in (await reader.get("/me"))["visible"]["absence"]


async def test_a_token_that_ends_while_servers_are_asked_is_told_nothing(
    admin: ApiClient, reader: ApiClient
) -> None:
    world = admin.world
    git = await world.server("git", get_log="x")

    async def revoke(*_: object) -> None:
        await world.gateway.tokens.revoke(OPERATOR, "demo", reader.token_id)
        raise TimeoutError

    git.acts["tools/list"] = revoke  # type: ignore[assignment]  # it answers nothing
    await reader.refused(401, "GET", "/me")
