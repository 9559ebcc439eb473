"""Explanations over the API."""

from tests.web.api.conftest import ApiClient


async def test_why(admin: ApiClient, reader: ApiClient) -> None:
    await admin.world.server("git", get_log="x", delete_branch="y")
    asked = {"token": reader.token_id, "tool": "git__get_log"}
    shown = await admin.get("/explain", **asked)
    assert (shown["verdict"], shown["token"], shown["tool"]) == ("shown", *asked.values())
    assert all(one["fails"] is None for one in shown["checks"])
    hidden = await admin.get("/explain", **asked | {"tool": "git__delete_branch"})
    assert hidden["verdict"] == "hidden"
    assert "destructive" in hidden["reason"]
    issued = await admin.change(
        "POST",
        "/tokens",
        {"member": "x", "role": "developer", "bounds": {"addresses": ["10.0.0.0/8"]}},
    )
    asked = {"token": issued.json["id"], "tool": "git__get_log"}
    assert (await admin.get("/explain", **asked))["verdict"] == "shown"
    assert (await admin.get("/explain", address="192.0.2.1", **asked))["verdict"] == "refused"


async def test_no_such_token(admin: ApiClient) -> None:
    await admin.refused(404, "GET", "/explain", token="tok_none", tool="x")
    await admin.refused(400, "GET", "/explain", token="tok_none")
