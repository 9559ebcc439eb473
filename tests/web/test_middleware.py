"""What every request passes: path, host, origin, token, policy, and errors without a leak."""

import asyncio
import logging

import aiohttp
import pytest
from msgspec import Raw

from mcpgw.model.configuration import Configuration
from mcpgw.model.token import OPERATOR, Role
from mcpgw.protocol.exchange import Notification
from tests.web.conftest import Client, modern_body, modern_headers

CANARY = "mgwu_" + "C" * 49


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {CANARY}"},
        {"Authorization": f"Bearer {CANARY}"},
        {"Authorization": "Bearer \u00e9"},
        {"X-API-Key": CANARY},
    ],
)
async def test_without_a_valid_token_nothing(client: Client, headers: dict[str, str]) -> None:
    answered = await client.ask("POST", "/ws/demo", data=b"{", headers=headers)
    assert answered.status == 401
    assert CANARY not in answered.text
    assert answered.headers["WWW-Authenticate"].startswith("Bearer")


async def test_unknown_foreign_and_expired_read_the_same(client: Client) -> None:
    world = client.world
    await world.gateway.workspaces.create(OPERATOR, "other")
    foreign = await world.gateway.tokens.issue(OPERATOR, "other", "eve", Role.ADMIN, None)
    expired = await world.gateway.tokens.issue(OPERATOR, "demo", "eve", Role.ADMIN, 1.0)
    world.clock.pass_s(2)
    said = set()
    for path, token in (
        ("/ws/demo", foreign.text),
        ("/ws/demo", expired.text),
        ("/ws/nowhere", client.token),
        ("/ws/NOT-A-SLUG", client.token),
        ("/api/v1/workspaces/nowhere/calls", client.token),
    ):
        method = "GET" if path.startswith("/api") else "POST"
        headers = {"Authorization": f"Bearer {token}"}
        answered = await client.ask(method, path, headers=headers)
        kept = {k: v for k, v in answered.headers.items() if k != "Date"}
        said.add((answered.status, answered.text, repr(sorted(kept.items()))))
    assert len(said) == 1


async def test_the_key_header_is_an_alias(client: Client) -> None:
    body, headers = modern_body("tools/list"), modern_headers("tools/list")
    async with client.http.post(
        client.url + "/ws/demo/mcp", json=body, headers={"X-API-Key": client.token, **headers}
    ) as response:
        assert response.status == 200


async def test_two_credentials_are_none(client: Client) -> None:
    answered = await client.ask("POST", "/ws/demo", headers={"X-API-Key": client.token})
    assert answered.status == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:9", 200),
        ("http://localhost", 200),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_foreign_pages_are_refused(client: Client, origin: str, status: int) -> None:
    headers = {"Origin": origin}
    assert (await client.ask("GET", "/healthz", headers=headers)).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.nip.io", 403),
        ("x/public?", 400),
        ("", 400),
    ],
)
async def test_foreign_host_names_are_refused(client: Client, host: str, status: int) -> None:
    assert (await client.ask("GET", "/healthz", headers={"Host": host})).status == status


async def test_unknown_paths_and_methods(client: Client) -> None:
    assert (await client.ask("GET", "/nothing")).status == 404
    assert (await client.ask("GET", "/ws/%64emo")).status in (400, 405)
    answered = await client.ask("PUT", "/ws/demo")
    assert answered.status == 405
    assert "POST" in answered.headers["Allow"]


async def test_a_body_too_large(client: Client) -> None:
    assert (await client.ask("POST", "/ws/demo", data=b"x" * 10_001)).status == 413


async def test_a_bug_says_nothing_and_is_logged_without_its_text(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    git = await client.world.server("git", log="x")

    def broken(_: object) -> object:
        raise ZeroDivisionError(CANARY)

    git.answers["tools/call"] = broken
    with caplog.at_level(logging.DEBUG):
        answered = await client.modern("tools/call", "git__log", name="git__log")
    assert answered.status == 500
    assert CANARY not in answered.text
    assert CANARY not in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "broken" in caplog.text


async def test_when_the_state_cannot_be_read_nobody_is_served(client: Client) -> None:
    client.world.store.is_broken = True
    assert (await client.modern("tools/list")).status == 503


async def test_a_client_that_leaves_while_its_token_is_looked_at_is_no_error(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    git = await client.world.server("git", log="x")
    is_loading, may_load = asyncio.Event(), asyncio.Event()
    load = client.world.store.load

    async def load_slowly() -> Configuration:
        is_loading.set()
        await may_load.wait()
        return await load()

    monkeypatch.setattr(client.world.store, "load", load_slowly)
    client.world.store.change()
    with caplog.at_level(logging.DEBUG):
        task = asyncio.ensure_future(client.modern("tools/call", "git__log", name="git__log"))
        await is_loading.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        may_load.set()
        await asyncio.sleep(0.05)
    assert "internal error" not in caplog.text
    assert "tools/call" not in [sent.method for sent in git.sent]


async def test_a_bug_behind_the_first_message_cuts_the_answer_off(client: Client) -> None:
    """What has left cannot be taken back, and a second answer in its middle would be garbage."""
    git = await client.world.server("git", log="x")
    git.notifications = [Notification("notifications/progress", Raw(b'{"progressToken":1}'))]

    def broken(_: object) -> object:
        raise ZeroDivisionError(CANARY)

    git.answers["tools/call"] = broken
    body = modern_body("tools/call", name="git__log", _meta={"progressToken": 1})
    headers = modern_headers("tools/call", "git__log")
    async with client.stream("POST", json=body, headers=headers) as stream:
        assert stream.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await stream.rest()
