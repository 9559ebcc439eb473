"""Administrative acts over the API, for admins."""

import pytest

from tests.web.api.conftest import ApiClient

ACTS = "/acts"


async def test_an_admin_sees_who_did_what(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    shown = (await admin.get(ACTS, limit=1))["items"][0]
    assert (shown["kind"], shown["subject"], shown["member"]) == ("server.add", "git", "operator")
    assert await admin.get(f"{ACTS}/{shown['act_id']}") == shown
    await admin.refused(404, "GET", f"{ACTS}/act_999999")
    await admin.refused(404, "GET", f"{ACTS}/act_000001")  # the key: none of this workspace


async def test_what_an_admin_does_is_recorded_with_its_token(admin: ApiClient) -> None:
    body = {"member": "bob", "role": "developer"}
    made = (await admin.change("POST", "/tokens", body)).json
    shown = (await admin.get(ACTS, limit=1))["items"][0]
    assert (shown["kind"], shown["subject"]) == ("token.issue", made["id"])
    assert (shown["member"], shown["role"], shown["detail"]) == ("ada", "admin", "bob, developer")
    assert shown["token_id"]


async def test_pages_and_what_came_since(admin: ApiClient) -> None:
    for name in ("a", "b", "c"):
        await admin.world.server(name, log="x")
    first = await admin.get(ACTS, limit=2, member="operator")
    assert [one["subject"] for one in first["items"]] == ["c", "b"]
    second = await admin.get(ACTS, limit=1, member="operator", cursor=first["next"])
    assert [one["subject"] for one in second["items"]] == ["a"]
    since = await admin.get(ACTS, limit=1, after=second["items"][0]["row"])
    assert ([one["subject"] for one in since["items"]], since["next"]) == (["b"], None)


async def test_nobody_else_does(developer: ApiClient, reader: ApiClient) -> None:
    for who in (developer, reader):
        await who.refused(403, "GET", ACTS)
        await who.refused(403, "GET", f"{ACTS}/act_000002")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"after": "-1"}, {"cursor": "x"}, {"kind": "x"}])
async def test_what_cannot_be_asked(admin: ApiClient, query: dict[str, object]) -> None:
    await admin.refused(400, "GET", ACTS, **query)
