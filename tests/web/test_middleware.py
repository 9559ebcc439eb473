"""What every request passes: path, host, origin, token, policy, and errors without a leak."""

import asyncio
import logging

import aiohttp
import pytest
from msgspec import Raw

from mcpgw.model.configuration import Configuration
from mcpgw.model.token import OPERATOR, Role
from mcpgw.protocol.exchange import Notification
from mcpgw.web.app import serving
from tests.web.conftest import Client, listening, modern_body, modern_headers

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
    ):
        headers = {"Authorization": f"Bearer {token}"}
        answered = await client.ask("POST", path, headers=headers)
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
    ("headers", "status"),
    [
        ({}, 404),
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({"Host": "evil.example"}, 403),
        ({"Host": "x/public?"}, 400),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content_Length": "3"}, 400),
    ],
)
async def test_what_comes_in_is_looked_at_before_its_path(
    client: Client, headers: dict[str, str], status: int
) -> None:
    assert (await client.ask("GET", "/nothing", headers=headers)).status == status


async def test_a_person_may_follow_a_link_to_a_workspace(client: Client) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    link |= {"Sec-Fetch-Dest": "document", "Accept": "text/html"}
    async with client.http.get(f"{client.url}/ws/demo", headers=link) as response:
        assert response.status == 200
        assert response.content_type == "text/html"
    async with client.http.get(f"{client.url}/ws/demo/sse", headers=link) as response:
        assert response.status == 401


async def test_who_is_refused_before_the_body_was_read_is_parted_from(client: Client) -> None:
    """What follows could be taken for a request, by us or by a proxy before us."""
    host, port = client.url.removeprefix("http://").split(":")
    head = "POST /ws/demo HTTP/1.1\r\nHost: localhost\r\n"
    whole = f"{head}Content-Length: 2\r\n\r\n{{}}".encode()
    for sent, is_kept in ((whole, True), (f"{head}Content-Length: 9\r\n\r\n".encode(), False)):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        assert b" 401 " in answer.split(b"\r\n", 1)[0]
        assert (b"\r\nConnection: close\r\n" not in answer) == is_kept
        writer.close()


async def test_every_answer_has_the_same_armour(client: Client) -> None:
    await client.world.server("git", log="x")
    listed = modern_body("tools/list"), modern_headers("tools/list")
    answers = [
        await client.ask("GET", "/healthz"),
        await client.ask("GET", "/nothing"),
        await client.ask("PUT", "/ws/demo"),
        await client.ask("POST", "/ws/other"),
        await client.ask("POST", "/ws/demo", data=b"{"),
        await client.ask("POST", "/ws/demo", json=listed[0], headers=listed[1]),
        await client.initialize(),
        await client.ask("GET", "/api/v1/workspaces/demo/calls"),
    ]
    async with client.stream(path="/ws/demo/sse") as stream:
        for headers in (stream.headers, *(answered.headers for answered in answers)):
            assert headers["Server"] == "mcpgw"
            assert "no-" in headers["Cache-Control"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "Date" in headers
            assert not [name for name in headers if name.startswith("Access-Control-")]


async def test_without_oauth_nothing_says_where_to_go_for_it(client: Client) -> None:
    """RFC 9728: metadata exists where there is an authorization server, and there is none."""
    for path in ("", "/ws/demo", "/ws/demo/mcp"):
        found = await client.ask("GET", f"/.well-known/oauth-protected-resource{path}")
        assert found.status == 404
    refused = await client.ask("POST", "/ws/demo", headers={"Authorization": "Bearer x"})
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="mcpgw"'


async def test_behind_a_proxy_the_clients_address_is_recorded(client: Client) -> None:
    await client.world.server("git", log="x")
    body = modern_body("tools/call", name="git__log")
    headers = modern_headers("tools/call", "git__log") | {"X-API-Key": client.token}
    told = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}
    for trusted in ((), ("127.0.0.0/8",)):
        async with serving(client.world.gateway, listening(trusted_proxies=trusted)) as url:
            asked = client.http.post(f"{url}/ws/demo", json=body, headers=headers | told)
            async with asked as response:
                assert response.status == 200
    addresses = [row.client_address for row in client.world.journal.rows]
    assert addresses == ["127.0.0.1", "192.0.2.7"]


async def test_behind_a_proxy_requests_of_one_client_are_counted(client: Client) -> None:
    git = await client.world.server("git", log="x")
    git.gate = asyncio.Event()
    body = modern_body("tools/call", name="git__log")
    headers = modern_headers("tools/call", "git__log") | {"X-API-Key": client.token}
    limits = listening(trusted_proxies=("127.0.0.1/32",), max_clients_per_address=1)
    async with serving(client.world.gateway, limits) as url:

        async def call(address: str) -> int:
            told = {"X-Forwarded-For": address}
            asked = client.http.post(f"{url}/ws/demo", json=body, headers=headers | told)
            async with asked as response:
                await response.read()
                return response.status

        first = asyncio.ensure_future(call("192.0.2.1"))
        await git.entered.wait()
        assert await call("192.0.2.1") == 503
        second = asyncio.ensure_future(call("192.0.2.2"))
        git.gate.set()
        assert (await first, await second) == (200, 200)


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
