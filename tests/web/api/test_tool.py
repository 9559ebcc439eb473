"""Classes of tools and rulings on them, over the API."""

from tests.web.api.conftest import ApiClient


async def test_listed_by_class_and_server(admin: ApiClient) -> None:
    await admin.world.server("git", get_log="x", delete_branch="y")
    await admin.world.server("wiki", get_page="x")
    assert [one["name"] for one in (await admin.get("/tools"))["items"]] == [
        "git__delete_branch",
        "git__get_log",
        "wiki__get_page",
    ]
    reading = await admin.get("/tools", **{"class": "read", "server": "git"})
    assert [(one["name"], one["class"]) for one in reading["items"]] == [("git__get_log", "read")]
    await admin.refused(400, "GET", "/tools", **{"class": "harmless"})


async def test_ruled_on_and_left_alone_again(admin: ApiClient) -> None:
    await admin.world.server("git", frobnicate="x")
    tool = "/tools/git__frobnicate"
    before = await admin.ask("GET", tool)
    assert before.json["class"] == "write"
    if_same = {"If-Match": before.headers["ETag"]}
    ruled = await admin.ask("PUT", f"{tool}/ruling", {"class": "read"}, if_same)
    assert (ruled.json["class"], ruled.json["original"]) == ("read", "frobnicate")
    assert ruled.headers["ETag"] == (await admin.ask("GET", tool)).headers["ETag"]
    await admin.refused(412, "PUT", f"{tool}/ruling", {"class": "write"}, if_same)
    unruled = await admin.change("DELETE", f"{tool}/ruling")
    assert unruled.json == before.json


async def test_no_such_tool(admin: ApiClient) -> None:
    await admin.refused(404, "GET", "/tools/none")
    await admin.refused(404, "PUT", "/tools/none/ruling", {"class": "read"}, {"If-Match": "*"})
