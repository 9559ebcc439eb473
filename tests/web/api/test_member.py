"""Members over the API; their names hold what no path can."""

from mcpgw.model.token import Role
from tests.web.api.conftest import ApiClient, enter

ANA = "ana+x@team.org/§ %"


async def test_listed_shown_and_removed(admin: ApiClient) -> None:
    first = await enter(admin.client, Role.DEVELOPER, ANA)
    second = await enter(admin.client, Role.READONLY, ANA)
    listed = (await admin.get("/members"))["items"]
    assert [one["member"] for one in listed] == ["ada", "ana", ANA]
    shown = await admin.get("/member", member=ANA)
    assert shown == listed[2]
    assert shown["good_tokens"] == 2
    removed = await admin.change("DELETE", "/member", member=ANA)
    assert {one["id"] for one in removed.json["revoked"]} == {first.token_id, second.token_id}
    assert {one["state"] for one in removed.json["revoked"]} == {"revoked"}
    assert (await admin.get("/member", member=ANA))["good_tokens"] == 0


async def test_offboarded(admin: ApiClient) -> None:
    leaver = await enter(admin.client, Role.DEVELOPER, ANA)
    await admin.world.server("git", log="x")
    await admin.ask("PUT", "/servers/git/secrets/KEY", {"value": "s3cret"})
    leaver.client.token = leaver.token
    await leaver.client.modern("tools/call", "git__log", name="git__log")
    gone = (await admin.change("POST", "/offboarding", {"member": ANA})).json
    assert [one["id"] for one in gone["revoked"]] == [leaver.token_id]
    assert [(one["server"], one["calls"]) for one in gone["used"]] == [("git", 1)]
    assert [(one["server"], one["name"]) for one in gone["rotate"]] == [("git", "KEY")]
    assert gone["was_admin"] is False
    assert (await leaver.ask("GET", "/me")).status == 401


async def test_nobody(admin: ApiClient) -> None:
    await admin.refused(404, "GET", "/member", member="eve")
    await admin.refused(404, "DELETE", "/member", member="eve")
    await admin.refused(404, "POST", "/offboarding", {"member": "eve"})
    await admin.refused(400, "GET", "/member")
