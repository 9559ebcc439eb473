"""Tokens over the API: shown once, when they are issued."""

from typing import Any

import pytest

from tests.web.api.conftest import ApiClient


async def test_issued_once_and_listed_ever_after(admin: ApiClient) -> None:
    new: dict[str, Any] = {
        "member": "bob@team.org",
        "role": "readonly",
        "ttl_s": 60,
        "bounds": {
            "servers": ["git"],
            "tools": ["git__*"],
            "addresses": ["10.1.2.3/8"],
            "rate": "120/m",
            "concurrency": 3,
        },
    }
    issued = await admin.ask("POST", "/tokens", new)
    assert issued.status == 201
    told = dict(issued.json)
    text = told.pop("token")
    assert text.startswith("mgwu_")
    assert issued.headers["Location"].endswith(f"/tokens/{told['id']}")
    assert (told["member"], told["role"]) == ("bob@team.org", "readonly")
    assert told["bounds"] == new["bounds"] | {"addresses": ["10.0.0.0/8"]}
    shown = await admin.ask("GET", f"/tokens/{told['id']}")
    assert shown.json == told
    listed = await admin.ask("GET", "/tokens")
    assert told in listed.json["items"]
    assert text not in shown.text + listed.text


@pytest.mark.parametrize(
    ("ttl", "lives_s"), [({}, 90 * 86400), ({"ttl_s": "never"}, None), ({"ttl_s": 1.5}, 1.5)]
)
async def test_how_long_it_lives(
    admin: ApiClient, ttl: dict[str, object], lives_s: float | None
) -> None:
    issued = await admin.change("POST", "/tokens", {"member": "b", "role": "developer", **ttl})
    token = (await admin.world.current.configuration()).token(
        admin.world.store.held.workspaces["demo"].id, issued.json["id"]
    )
    expires_at = None if lives_s is None else admin.world.clock.time + lives_s
    assert token.expires_at == expires_at


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl_s": 0},
        {"ttl_s": "14d"},
        {"role": "operator"},
        {"member": ""},
        {"member": "a\u0000"},
        {"bounds": {"rate": "many"}},
        {"bounds": {"concurrency": 0}},
        {"bounds": {"addresses": ["everywhere"]}},
        {"bounds": {"servers": ["no spaces"]}},
        {"bounds": {"command": ["sh"]}},
        {"workspace": "other"},
    ],
)
async def test_what_cannot_be_issued(admin: ApiClient, wrong: dict[str, object]) -> None:
    before = len(admin.world.store.held.tokens)
    new = {"member": "b", "role": "developer"} | wrong
    await admin.refused(400, "POST", "/tokens", new)
    assert len(admin.world.store.held.tokens) == before


async def test_rotated(admin: ApiClient) -> None:
    old = (await admin.change("POST", "/tokens", {"member": "b", "role": "developer"})).json
    new = (await admin.change("POST", f"/tokens/{old['id']}/rotation", {"overlap_s": 60})).json
    assert (new["member"], new["role"]) == ("b", "developer")
    assert new["token"] != old["token"]
    assert (await admin.get(f"/tokens/{old['id']}"))["state"] == "active"
    admin.world.clock.pass_s(61)
    assert (await admin.get(f"/tokens/{old['id']}"))["state"] == "expired"
    problem = await admin.refused(409, "POST", f"/tokens/{old['id']}/rotation", {})
    assert problem["type"] == "urn:mcpgw:error:conflict"


async def test_revoked_counts_at_once_and_twice_is_no_error(admin: ApiClient) -> None:
    issued = (await admin.change("POST", "/tokens", {"member": "b", "role": "developer"})).json
    theirs = ApiClient(admin.client, issued["token"], issued["id"])
    assert (await theirs.ask("GET", "/me")).status == 200
    for _ in range(2):
        revoked = await admin.ask("DELETE", f"/tokens/{issued['id']}")
        assert (revoked.status, revoked.json["state"]) == (200, "revoked")
    assert (await theirs.ask("GET", "/me")).status == 401


async def test_an_admin_may_revoke_the_token_that_it_uses(admin: ApiClient) -> None:
    assert (await admin.ask("DELETE", f"/tokens/{admin.token_id}")).json["state"] == "revoked"
    assert (await admin.ask("GET", "/tokens")).status == 401


async def test_what_a_token_sees(admin: ApiClient, reader: ApiClient) -> None:
    await admin.world.server("git", get_log="x", delete_branch="y")
    visible = await admin.get(f"/tokens/{reader.token_id}/visible")
    assert visible == {"tools": 1, "all_tools": 2, "absence": "", "problems": []}
