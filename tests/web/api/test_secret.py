"""Secrets over the API: they go in, and nothing comes out."""

import pytest

from tests.web.api.conftest import ApiClient

KEY = "/servers/git/secrets/KEY"
CANARY = 'canary-+/="\\-ünï'


async def test_set_told_of_and_deleted(admin: ApiClient) -> None:
    await admin.world.server("git", log="x")
    set_ = await admin.ask("PUT", KEY, {"value": CANARY})
    assert (set_.status, set_.json["version"]) == (200, 1)
    shown = await admin.ask("GET", KEY)
    assert shown.json == set_.json
    assert shown.headers["ETag"] == set_.headers["ETag"]
    again = await admin.change("PUT", KEY, {"value": "other"})
    assert again.json["version"] == 2
    assert again.json["fingerprint"] != set_.json["fingerprint"]
    assert (await admin.get("/secrets"))["items"] == [again.json]
    assert (await admin.change("DELETE", KEY)).status == 204
    await admin.refused(404, "GET", KEY)


async def test_one_that_is_only_referred_to(admin: ApiClient) -> None:
    header = {"name": "Authorization", "value": "${secret:KEY}"}
    new = {"name": "git", "url": "https://mcp.example.com", "headers": [header]}
    await admin.change("POST", "/servers", new)
    assert (await admin.get(KEY))["is_set"] is False
    await admin.refused(404, "DELETE", KEY, None, {"If-Match": "*"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (KEY, {}, 400),
        (KEY, {"value": ""}, 400),
        (KEY, {"value": 5}, 400),
        (KEY, {"value": "a\nb"}, 400),
        (KEY, {"value": "x" * 65_537}, 400),
        ("/servers/git/secrets/1KEY", {"value": "x"}, 400),
        ("/servers/none/secrets/KEY", {"value": "x"}, 404),
    ],
)
async def test_what_cannot_be_set(
    admin: ApiClient, path: str, body: dict[str, object], status: int
) -> None:
    await admin.world.server("git", log="x")
    answered = await admin.ask("PUT", path, body)
    assert answered.status in (status, 413 if len(str(body)) > 10_000 else status)
    assert (await admin.get("/secrets"))["items"] == []


async def test_a_value_stands_in_no_answer(
    admin: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    await admin.world.server("git", log="x")
    said = ""
    for body in (
        {"value": CANARY},
        {"value": CANARY, "name": CANARY},
        {CANARY: CANARY},
        {"value": [CANARY]},
        {"value": {"x": CANARY}},
        [CANARY],
        CANARY,
    ):
        answered = await admin.ask("PUT", KEY, body)
        said += answered.text + repr(answered.headers)
    for path in ("/secrets", KEY, "/servers", "/servers/git", "", "/calls", "/tools", "/me"):
        answered = await admin.ask("GET", path)
        said += answered.text + repr(answered.headers)
    assert "canary" not in said + caplog.text
