"""The workspace and its settings over the API."""

from mcpgw.model.token import Role
from tests.web.api.conftest import ApiClient, enter


async def test_shown(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    shown = await admin.get("")
    assert (shown["name"], shown["servers"], shown["tokens"]) == ("demo", 1, 2)
    assert shown["settings"] == await admin.get("/settings")


async def test_settings_are_replaced_as_a_whole(admin: ApiClient) -> None:
    before = await admin.ask("GET", "/settings")
    assert before.json["readonly_tools"] == "classified"
    bounds = before.json["bounds"] | {"rate": "5/s", "addresses": ["127.0.0.0/8"]}
    new = {"readonly_tools": "all", "ttl_s": 60, "bounds": bounds}
    if_same = {"If-Match": before.headers["ETag"]}
    changed = await admin.ask("PUT", "/settings", new, if_same)
    assert changed.status == 200
    assert changed.json == new
    assert changed.headers["ETag"] == (await admin.ask("GET", "/settings")).headers["ETag"]
    token = await enter(admin.client, Role.READONLY)
    assert (await token.get("/me"))["bounds"]["rate"] == "5/s"
    back = await admin.change("PUT", "/settings", {})
    assert back.json == before.json


async def test_what_cannot_be_set(admin: ApiClient) -> None:
    anyhow = {"If-Match": "*"}
    for wrong in (
        {"ttl_s": 0},
        {"bounds": {"rate": "x"}},
        {"readonly_tools": "some"},
        {"slug": "x"},
    ):
        await admin.refused(400, "PUT", "/settings", wrong, anyhow)
