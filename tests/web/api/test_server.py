"""Servers over the API: by URL only; what starts a process is switched at most."""

import pytest

from mcpgw.model.server import HttpLaunch, StdioLaunch
from mcpgw.model.token import OPERATOR
from tests.fakes import FakeUpstream, listing
from tests.web.api.conftest import ApiClient

URL = "https://mcp.example.com/mcp"


async def test_added_after_it_was_tried(admin: ApiClient) -> None:
    admin.world.upstreams.by_name["git"] = FakeUpstream(listing(log="x", diff="y"))
    added = await admin.ask("POST", "/servers", {"name": "git", "url": URL})
    assert added.status == 201
    assert added.headers["Location"] == "/api/v1/workspaces/demo/servers/git"
    assert added.json["test"]["tools"] == 2
    shown = await admin.get("/servers/git")
    assert shown == added.json["server"]
    assert (shown["url"], shown["transport"], shown["program"]) == (URL, "http", None)
    assert [one["name"] for one in (await admin.get("/servers"))["items"]] == ["git"]
    tried = await admin.ask("POST", "/servers/git/test")
    assert (tried.status, tried.json["prompts"]) == (200, 1)


async def test_one_that_fails_is_not_added_and_is_no_fault_of_ours(admin: ApiClient) -> None:
    problem = await admin.refused(424, "POST", "/servers", {"name": "git", "url": URL})
    assert problem["type"] == "urn:mcpgw:error:upstream"
    assert (await admin.get("/servers"))["items"] == []


async def test_what_lacks_a_secret_and_what_is_not_to_be_tried_is_added_untried(
    admin: ApiClient,
) -> None:
    header = {"name": "Authorization", "value": "Bearer ${secret:TOKEN}"}
    for new in (
        {"name": "one", "url": URL, "headers": [header]},
        {"name": "two", "url": URL, "prefix": "", "test": False},
    ):
        assert (await admin.change("POST", "/servers", new)).json["test"] is None
    one, two = (await admin.get("/servers"))["items"]
    assert (one["secrets"], one["missing_secrets"]) == (["TOKEN"], ["TOKEN"])
    assert (one["headers"], two["prefix"]) == ([header], "")


async def test_what_may_hold_a_credential_is_not_told(admin: ApiClient) -> None:
    headers = (("X-Key", "canary-1"), ("X-Ref", "a ${secret:B} c"))
    http = HttpLaunch("https://mcp.example.com/mcp?key=canary-2", headers)
    stdio = StdioLaunch(("/opt/tools/run", "--dsn=canary-3"), (("KEY", "canary-4"),), "/canary-5")
    for name, launch in (("http", http), ("stdio", stdio)):
        await admin.world.gateway.servers.add(OPERATOR, "demo", name, launch, is_tried=False)
    listed = await admin.ask("GET", "/servers")
    assert "canary" not in listed.text
    by_url, by_program = listed.json["items"]
    assert by_url["url"] == "https://mcp.example.com/mcp?***"
    assert by_url["headers"] == [
        {"name": "X-Key", "value": "***"},
        {"name": "X-Ref", "value": "a ${secret:B} c"},
    ]
    assert (by_program["program"], by_program["url"]) == ("run", None)


async def test_switched_and_removed(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    switched = await admin.change("PATCH", "/servers/git", {"is_enabled": False})
    assert switched.json["is_enabled"] is False
    assert switched.headers["ETag"] == (await admin.ask("GET", "/servers/git")).headers["ETag"]
    assert (await admin.get("/tools"))["items"] == []
    assert (await admin.change("DELETE", "/servers/git")).status == 204
    await admin.refused(404, "GET", "/servers/git")


async def test_an_approved_process_is_switched_and_nothing_else(admin: ApiClient) -> None:
    world, anyhow = admin.world, {"If-Match": "*"}
    world.upstreams.by_name["sh"] = FakeUpstream(listing())
    await world.gateway.servers.add(OPERATOR, "demo", "sh", StdioLaunch(("sh",)))
    off = ("PATCH", "/servers/sh", {"is_enabled": False}, anyhow)
    await admin.refused(403, *off)
    await world.gateway.servers.set_approved(OPERATOR, "demo", "sh", True)
    connections = len(world.upstreams.lanes)
    assert (await admin.ask(*off)).json["is_enabled"] is False
    assert (await admin.ask(*off[:2], {"is_enabled": True}, anyhow)).json["is_enabled"] is True
    await admin.refused(403, "POST", "/servers/sh/test")
    await admin.refused(403, "DELETE", "/servers/sh", None, anyhow)
    for field in ("is_approved", "command", "launch", "url", "env"):
        await admin.refused(400, "PATCH", "/servers/sh", {"is_enabled": True, field: True}, anyhow)
    assert (await admin.get("/servers/sh"))["is_approved"] is True
    assert len(world.upstreams.lanes) == connections


@pytest.mark.parametrize(
    "url", ["http://mcp.example.com/mcp", "file:///bin/sh", "stdio:sh", "https://a:b@c/", ""]
)
async def test_a_url_that_cannot_be(admin: ApiClient, url: str) -> None:
    await admin.refused(400, "POST", "/servers", {"name": "x", "url": url, "test": False})
