"""Revoked means stopped: streams and calls under way end, and no byte of a result follows.

Each token has an open stream and a running call; another process revokes one after the other.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from mcpgw.bootstrap import open_gateway
from mcpgw.config import load_config
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.token import OPERATOR, Role
from tests.e2e.conftest import Box, Served, server_command
from tests.web.conftest import modern_body, modern_headers

BOUND_S = 5.0
"""For a busy machine; the figures are printed beside the quarter of a second that is promised."""

TOOL = "everything__trigger-long-running-operation"
CALL = modern_body("tools/call", name=TOOL, arguments={"duration": 60, "steps": 1})
LISTEN = modern_body("subscriptions/listen", notifications={"toolsListChanged": True})


@pytest.fixture
def served(box: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    box.environment["MCPGW_CALL_TIMEOUT"] = "300"
    box.environment["MCPGW_MAX_AUTH_FAILURES"] = "100000"
    monkeypatch.setenv("XDG_CONFIG_HOME", box.environment["XDG_CONFIG_HOME"])
    box.run("server", "add", "everything", "--", *server_command("server-everything"))
    with box.serving() as running:
        yield running


@dataclass
class Bearer:
    """One token, its stream and its call, and when each ended."""

    id: str
    text: str
    stream_ended_at: float = 0.0
    call_ended_at: float = 0.0
    last_word: bytes = b""
    said: bytes = b""
    status: int = 0
    is_streaming: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    def headers(self, method: str, name: str | None = None) -> dict[str, str]:
        return modern_headers(method, name) | {"Authorization": f"Bearer {self.text}"}

    async def listen(self, http: aiohttp.ClientSession, url: str) -> None:
        headers = self.headers("subscriptions/listen")
        async with http.post(url, json=LISTEN, headers=headers) as response:
            async for line in response.content:
                self.is_streaming.set()
                if line.startswith(b"data:"):
                    self.last_word = line
        self.stream_ended_at = time.monotonic()
        self.look()

    async def call(self, http: aiohttp.ClientSession, url: str) -> None:
        headers = self.headers("tools/call", TOOL)
        async with http.post(url, json=CALL, headers=headers) as response:
            self.status = response.status
            self.said = await response.read()
        self.call_ended_at = time.monotonic()
        self.look()

    def look(self) -> None:
        """Note when both are over."""
        if self.stream_ended_at and self.call_ended_at:
            self.has_ended.set()

    async def ask_again(self, http: aiohttp.ClientSession, url: str) -> int:
        headers = self.headers("tools/list")
        async with http.post(url, json=modern_body("tools/list"), headers=headers) as response:
            await response.read()
            return response.status


async def issue(gateway: Gateway, number: int) -> Bearer:
    member = f"member-{number}"
    issued = await gateway.tokens.issue(OPERATOR, "demo", member, Role.DEVELOPER)
    return Bearer(issued.token.id, issued.text)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def revoke_one_by_one(box: Box, served: Served, number: int) -> list[Bearer]:
    """Return the bearers, each revoked while its stream was open and its call ran."""
    url, lags, late = served.workspace_url, [], 0
    config = load_config({"home": box.environment["MCPGW_HOME"]})
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=300)
    async with (
        open_gateway(config) as gateway,
        aiohttp.ClientSession(connector=connector, timeout=timeout) as http,
    ):
        bearers = [await issue(gateway, one) for one in range(number)]
        running = [
            asyncio.ensure_future(work)
            for one in bearers
            for work in (one.listen(http, url), one.call(http, url))
        ]
        async with asyncio.timeout(60):
            for one in bearers:
                await one.is_streaming.wait()
            await asyncio.sleep(1)
        for one in bearers:
            await gateway.tokens.revoke(OPERATOR, "demo", one.id)
            returned_at = time.monotonic()
            late += await one.ask_again(http, url) != 401
            await asyncio.wait_for(one.has_ended.wait(), 30)
            lags.append(max(one.stream_ended_at, one.call_ended_at) - returned_at)
        await asyncio.gather(*running)
    print(  # noqa: T201  (the figures are what it is for)
        f"\n{number} tokens revoked under a stream and a call each: both ended after"
        f" p50 {percentile(lags, 0.5) * 1000:.0f} ms, p99 {percentile(lags, 0.99) * 1000:.0f} ms,"
        f" max {max(lags) * 1000:.0f} ms (promised: 250 ms); late acceptances: {late}"
    )
    assert late == 0
    assert percentile(lags, 0.99) < BOUND_S
    return bearers


def check(box: Box, bearers: list[Bearer]) -> None:
    """Look at what came, and at what the journal says."""
    for one in bearers:
        assert json.loads(one.last_word.removeprefix(b"data:"))["error"]["code"] == -31009
        # A call that was silent for long has become a stream; its error is the last event then.
        assert one.status in (200, 401)
        last_word = one.said.strip().rpartition(b"data:")[2]
        assert json.loads(last_word)["error"]["code"] == -31009
        assert b"completed" not in one.said
    rows = box.read("logs", "--status", "revoked", "-n", "1000")
    assert {row["token_id"] for row in rows} == {one.id for one in bearers}
    assert len(rows) == len(bearers)
    assert "Traceback" not in (box.home / "serve.log").read_text()


async def test_a_few(box: Box, served: Served) -> None:
    bearers = await revoke_one_by_one(box, served, 5)
    await asyncio.to_thread(check, box, bearers)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_two_hundred(box: Box, served: Served) -> None:
    bearers = await revoke_one_by_one(box, served, 200)
    await asyncio.to_thread(check, box, bearers)


async def test_the_command_says_so_too(box: Box, served: Served, tmp_path: Path) -> None:
    issued = await asyncio.to_thread(box.read, "token", "issue", "--member", "ana", "--no-test")
    bearer = Bearer(issued["id"], issued["token"])
    async with aiohttp.ClientSession() as http:
        running = [
            asyncio.ensure_future(bearer.listen(http, served.workspace_url)),
            asyncio.ensure_future(bearer.call(http, served.workspace_url)),
        ]
        await asyncio.wait_for(bearer.is_streaming.wait(), 30)
        await asyncio.sleep(0.5)
        done = await asyncio.to_thread(box.run, "offboard", "ana", "--yes", "--json")
        assert json.loads(done.stdout)["revoked"] == [issued["id"]]
        await asyncio.wait_for(asyncio.gather(*running), 30)
    await asyncio.to_thread(check, box, [bearer])


async def test_expiry_to_the_second(box: Box, served: Served) -> None:
    issued = await asyncio.to_thread(box.read, "token", "issue", "--ttl", "3s", "--no-test")
    begun_at = time.monotonic()
    bearer = Bearer(issued["id"], issued["token"])
    async with aiohttp.ClientSession() as http:
        await asyncio.wait_for(
            asyncio.gather(
                bearer.listen(http, served.workspace_url), bearer.call(http, served.workspace_url)
            ),
            60,
        )
        assert await bearer.ask_again(http, served.workspace_url) == 401
    assert bearer.call_ended_at - begun_at < 3 + BOUND_S
    await asyncio.to_thread(check, box, [bearer])
