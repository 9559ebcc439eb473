"""ETags: what somebody else changed is not undone unseen."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mcpgw.model.token import OPERATOR
from mcpgw.model.workspace import WorkspaceSettings
from mcpgw.web.api.condition import etag_of
from tests.web.api.conftest import ApiClient


async def test_a_get_of_what_is_known_answers_nothing(admin: ApiClient) -> None:
    for path in ("/settings", "/servers", "", "/tokens", "/me"):
        first = await admin.ask("GET", path)
        tag = first.headers["ETag"]
        assert tag == etag_of(first.text.encode())
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await admin.ask("GET", path, headers={"If-None-Match": known})
            assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
        other = await admin.ask("GET", path, headers={"If-None-Match": '"other"'})
        assert (other.status, other.text) == (200, first.text)


async def test_a_tag_changes_with_what_it_stands_for(admin: ApiClient) -> None:
    before = (await admin.ask("GET", "/servers")).headers["ETag"]
    await admin.world.server("git", log="x")
    assert (await admin.ask("GET", "/servers")).headers["ETag"] != before


async def test_who_changes_what_others_may_have_changed_must_say_what_it_knows(
    admin: ApiClient,
) -> None:
    await admin.world.server("git", log="x")
    for change in (
        ("PUT", "/settings", {}),
        ("PATCH", "/servers/git", {"is_enabled": True}),
        ("DELETE", "/servers/git"),
        ("PUT", "/tools/git__log/ruling", {"class": "read"}),
        ("DELETE", "/tools/git__log/ruling"),
    ):
        problem = await admin.refused(428, *change)
        assert problem["type"] == "urn:mcpgw:error:precondition_required"
        method, path, *body = change
        headers = {"If-Match": '"stale"'}
        problem = await admin.refused(412, method, path, body[0] if body else None, headers)
        assert problem["type"] == "urn:mcpgw:error:precondition_failed"
    assert (await admin.get("/servers/git"))["is_enabled"] is True


async def test_a_weak_tag_matches_no_change(admin: ApiClient) -> None:
    tag = (await admin.ask("GET", "/settings")).headers["ETag"]
    await admin.refused(412, "PUT", "/settings", {}, {"If-Match": f"W/{tag}"})
    assert (await admin.ask("PUT", "/settings", {}, {"If-Match": f'"x", {tag}'})).status == 200


async def test_what_the_box_changed_is_seen_too(admin: ApiClient) -> None:
    tag = (await admin.ask("GET", "/settings")).headers["ETag"]
    await admin.world.gateway.workspaces.set(OPERATOR, "demo", WorkspaceSettings(ttl_s=5.0))
    await admin.refused(412, "PUT", "/settings", {}, {"If-Match": tag})


async def test_a_condition_that_need_not_be_given_is_kept_too(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    key = "/servers/git/secrets/KEY"
    create = {"If-None-Match": "*"}
    await admin.refused(412, "PUT", key, {"value": "a"}, {"If-Match": "*"})
    first = await admin.ask("PUT", key, {"value": "a"}, create)
    assert first.status == 200
    await admin.refused(412, "PUT", key, {"value": "b"}, create)
    await admin.refused(412, "DELETE", key, None, {"If-Match": '"x"'})
    deleted = await admin.ask("DELETE", key, None, {"If-Match": first.headers["ETag"]})
    assert deleted.status == 204
    token = f"/tokens/{admin.token_id}"
    await admin.refused(412, "DELETE", token, None, {"If-Match": '"x"'})


@pytest.mark.parametrize("writers", [8])
async def test_of_many_that_change_the_same_state_one_succeeds(
    admin: ApiClient, writers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that takes its time leaves room between the look and the change."""
    workspaces = admin.world.gateway.workspaces
    set_: Callable[..., Awaitable[object]] = workspaces.set

    async def slowly(*arguments: object) -> object:
        await asyncio.sleep(0.01)
        return await set_(*arguments)

    monkeypatch.setattr(workspaces, "set", slowly)
    tag = (await admin.ask("GET", "/settings")).headers["ETag"]
    answers = await asyncio.gather(
        *(
            admin.ask(
                "PUT", "/settings", {"bounds": {"concurrency": number + 1}}, {"If-Match": tag}
            )
            for number in range(writers)
        )
    )
    assert sorted(one.status for one in answers) == [200] + [412] * (writers - 1)
