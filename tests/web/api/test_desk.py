"""What every endpoint has in common."""

from mcpgw.model.token import OPERATOR, Role
from tests.fakes import FakeUpstream, listing
from tests.web.api.conftest import DEMO, ApiClient, enter


async def test_every_answer_keeps_to_itself(admin: ApiClient) -> None:
    for answered in (await admin.ask("GET", "/me"), await admin.ask("GET", "/none")):
        assert answered.headers["Cache-Control"] == "no-store"
        assert answered.headers["X-Content-Type-Options"] == "nosniff"
        assert answered.headers["Server"] == "mcpgw"


async def test_what_was_made_says_where_it_is(admin: ApiClient) -> None:
    admin.world.upstreams.by_name["git"] = FakeUpstream(listing())
    new = {"name": "git", "url": "https://mcp.example.com/mcp"}
    made = await admin.ask("POST", "/servers", new)
    assert made.headers["Location"] == f"{DEMO}/servers/git"
    assert "ETag" not in made.headers


async def test_the_use_case_decides_too(admin: ApiClient) -> None:
    """A token of another workspace gets nowhere, whatever it asks."""
    await admin.world.gateway.workspaces.create(OPERATOR, "other")
    tokens = admin.world.gateway.tokens
    foreign = await tokens.issue(OPERATOR, "other", "eve", Role.ADMIN)
    eve = ApiClient(admin.client, foreign.text, foreign.token.id)
    await eve.refused(401, "GET", f"/tokens/{admin.token_id}")
    headers = {"Authorization": f"Bearer {foreign.text}"}
    elsewhere = DEMO.replace("demo", "other")
    answered = await admin.client.ask(
        "DELETE", f"{elsewhere}/tokens/{admin.token_id}", headers=headers
    )
    assert answered.status == 404
    assert (await admin.ask("GET", "/me")).status == 200


async def test_roles(admin: ApiClient) -> None:
    for role, may in ((Role.READONLY, ["/me"]), (Role.DEVELOPER, ["/me", "/calls"])):
        who = await enter(admin.client, role)
        for path in ("/me", "/calls", "", "/settings", "/servers", "/secrets", "/tokens", "/tools"):
            assert (await who.ask("GET", path)).status == (200 if path in may else 403)


async def test_when_the_state_cannot_be_read_nobody_is_served(admin: ApiClient) -> None:
    admin.world.store.is_broken = True
    problem = await admin.refused(503, "GET", "/me")
    assert problem["type"] == "urn:mcpgw:error:storage"


async def test_without_the_master_key_nothing_is_sealed(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    admin.world.vault.is_open = False
    admin.world.store.change(slots=())
    problem = await admin.refused(503, "PUT", "/servers/git/secrets/KEY", {"value": "x"})
    assert problem["type"] == "urn:mcpgw:error:vault_locked"
