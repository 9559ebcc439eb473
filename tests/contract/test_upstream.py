"""One suite, many upstreams: {stdio, http} x {legacy, modern}, raw peers and the official SDK."""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import Raw

from mcpgw.config import base_environment
from mcpgw.errors import UpstreamTimeout
from mcpgw.gateway import ports
from mcpgw.model.server import Server, StdioLaunch
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification, Outgoing, Question, Reply
from mcpgw.upstream import Terms
from mcpgw.upstream.connection import Connection
from mcpgw.upstream.opener import Opener
from mcpgw.upstream.pool import Upstreams
from tests.live import (
    PEERS,
    call,
    code_of,
    echo_server,
    http_server,
    nothing,
    open_upstreams,
    spawning,
    text_of,
)
from tests.peers.raw_http import RawMcp, Request

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Kind:
    """One row of the table. Servers of the SDK serve both eras: legacy is asked for."""

    maker: str
    transport: str
    era: str

    def __str__(self) -> str:
        return f"{self.maker}-{self.transport}-{self.era}"


RAW = [Kind("raw", way, era) for way in ("stdio", "http") for era in ("legacy", "modern")]
SDK = [Kind("sdk", way, era) for way in ("stdio", "http") for era in ("legacy", "modern")]

every_kind = pytest.mark.parametrize("kind", [*RAW, *SDK], ids=str)
raw_kinds = pytest.mark.parametrize("kind", RAW, ids=str)


async def do_call(request: Request) -> None:
    """Do over HTTP what peers/stdio_echo.py does."""
    params, request_id = request.message["params"], request.message["id"]
    given, name = params["arguments"], params["name"]
    if name == "echo":
        await asyncio.sleep(given.get("delay_ms", 0) / 1000)
        request.say(given["text"])
    elif name == "progress":
        request.begin_stream()
        for step in range(given["steps"]):
            progress = {"progressToken": params["_meta"]["progressToken"], "progress": step}
            method = "notifications/progress"
            request.event({"jsonrpc": "2.0", "method": method, "params": progress})
        content = [{"type": "text", "text": "done"}]
        request.event({"jsonrpc": "2.0", "id": request_id, "result": {"content": content}})
        request.end_stream()
    elif name != "never":
        request.error(-32602)


@pytest.fixture(scope="module")
def sdk_url() -> Iterator[str]:
    command = [sys.executable, str(PEERS / "sdk_server.py"), "http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/mcp"
        server.terminate()


def sdk_server(kind: Kind, sdk_url: str) -> Server:
    if kind.transport == "http":
        return http_server(sdk_url)
    launch = StdioLaunch((sys.executable, str(PEERS / "sdk_server.py"), "stdio"))
    return Server("sdk", "w", "sdk", "sdk", launch, True, 0.0)


@asynccontextmanager
async def connect(
    kind: Kind, sdk_url: str, tmp_path: Path, capabilities: bytes = b"{}"
) -> AsyncIterator[Connection]:
    """Connect to a server of that kind."""
    async with AsyncExitStack() as stack:
        if kind.transport == "stdio" and kind.maker == "raw":
            server = echo_server(kind.era)
        elif kind.maker == "raw":
            peer = await stack.enter_async_context(RawMcp(kind.era, do_call))
            server = http_server(peer.url)
        else:
            server = sdk_server(kind, sdk_url)
        opener = Opener(
            spawn=await stack.enter_async_context(spawning()),
            base_environment=base_environment(),
            directory=tmp_path,
            start_timeout_s=30.0,
            handshake_timeout_s=30.0,
            max_message_bytes=16 << 20,
            max_connections=32,
        )
        stack.push_async_callback(opener.close)
        is_legacy = kind.maker == "sdk" and kind.era == "legacy"
        terms = Terms(lambda _: None, lambda: None, capabilities, is_legacy=is_legacy)
        connection = await opener.open(server, nothing, terms)
        stack.push_async_callback(connection.close)
        yield connection


@every_kind
async def test_it_is_the_port(kind: Kind, sdk_url: str, tmp_path: Path) -> None:
    async with connect(kind, sdk_url, tmp_path) as connection:
        upstream: ports.Upstream = connection
        assert upstream.era == kind.era
        assert upstream.version == ("2026-07-28" if kind.era == "modern" else "2025-11-25")
        assert upstream.instructions == "say something"
        assert "tools" in upstream.capabilities
        assert "name" in upstream.server_info
        assert len({upstream.next_id() for _ in range(100)}) == 100


async def test_the_pool_is_the_port(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as pool:
        upstreams: ports.Upstreams = pool
        assert isinstance(upstreams, Upstreams)


@every_kind
async def test_a_result_and_an_error_are_replies(kind: Kind, sdk_url: str, tmp_path: Path) -> None:
    async with connect(kind, sdk_url, tmp_path) as connection:
        assert (
            text_of(await call(connection, "echo", {"text": "grüße, 世界 🎈"})) == "grüße, 世界 🎈"
        )
        params = json.dumps({"_meta": modern_meta(connection)}).encode()
        unknown = Outgoing(connection.next_id(), "no/such-method", params)
        assert code_of(await connection.exchange(unknown)) == -32601
        assert connection.is_alive


def modern_meta(connection: Connection) -> dict[str, object]:
    if connection.era == "legacy":
        return {}
    prefix = "io.modelcontextprotocol/"
    return {prefix + "protocolVersion": connection.version, prefix + "clientCapabilities": {}}


@every_kind
async def test_progress_comes_in_order_before_the_result(
    kind: Kind, sdk_url: str, tmp_path: Path
) -> None:
    seen: list[float] = []

    async def deliver(notification: Notification) -> None:
        assert notification.method == "notifications/progress"
        seen.append(json.loads(bytes(notification.params))["progress"])

    async with connect(kind, sdk_url, tmp_path) as connection:
        reply = await call(connection, "progress", {"steps": 20}, deliver=deliver)
        assert text_of(reply) == "done"
        assert seen == list(range(20))


@pytest.mark.parametrize("kind", [kind for kind in SDK if kind.era == "legacy"], ids=str)
async def test_a_question_of_the_sdk_is_answered_by_the_calls_client(
    kind: Kind, sdk_url: str, tmp_path: Path
) -> None:
    async def ask(question: Question) -> Reply:
        assert question.method == "elicitation/create"
        assert json.loads(bytes(question.params))["message"] == "who?"
        return Reply(Raw(b'{"action":"accept","content":{"name":"Ada"}}'), None)

    async with connect(kind, sdk_url, tmp_path, b'{"elicitation":{"form":{}}}') as connection:
        assert text_of(await call(connection, "ask", ask=ask)) == "Ada"
        assert text_of(await call(connection, "ask")) == "cancel"


@pytest.mark.parametrize("kind", [kind for kind in SDK if kind.era == "modern"], ids=str)
async def test_a_server_of_the_sdk_is_spoken_to_in_both_eras_at_once(
    kind: Kind, sdk_url: str, tmp_path: Path
) -> None:
    async with open_upstreams(tmp_path) as pool:
        server = sdk_server(kind, sdk_url)
        found = [
            await pool.connect(server, "f", nothing, Lane(era)) for era in (Era.MODERN, Era.LEGACY)
        ]
        assert [one.era for one in found] == ["modern", "legacy"]
        for one in found:
            assert text_of(await call(one, "echo", {"text": "hi"})) == "hi"


@every_kind
async def test_every_caller_gets_its_own_answer(kind: Kind, sdk_url: str, tmp_path: Path) -> None:
    order = random.Random(7)  # noqa: S311  (delays, no secrets)

    async def caller(number: int) -> None:
        for turn in range(4):
            nonce = f"{number}-{turn}-" + "x" * order.randrange(3000)
            arguments: dict[str, object] = {"text": nonce}
            if kind.maker == "raw":
                arguments["delay_ms"] = order.randrange(20)
            assert text_of(await call(connection, "echo", arguments, timeout_s=60)) == nonce

    async with connect(kind, sdk_url, tmp_path) as connection:
        await asyncio.gather(*[caller(number) for number in range(64)])


SIZES = [1, 65_535, 65_536, 65_537, (1 << 20) - 1, (1 << 20) + 1, 8 << 20]


@raw_kinds
async def test_answers_of_every_size_are_exact(kind: Kind, sdk_url: str, tmp_path: Path) -> None:
    async with connect(kind, sdk_url, tmp_path) as connection:
        for size in SIZES:
            text = "".join(chr(97 + position % 26) for position in range(26)) * (size // 26 + 1)
            assert text_of(await call(connection, "echo", {"text": text[:size]})) == text[:size]


@raw_kinds
@pytest.mark.parametrize("how", ["timeout", "cancel"])
async def test_what_is_taken_back_hurts_nobody(
    kind: Kind, sdk_url: str, tmp_path: Path, how: str
) -> None:
    async with connect(kind, sdk_url, tmp_path) as connection:
        neighbour = asyncio.ensure_future(
            call(connection, "echo", {"text": "mine", "delay_ms": 200})
        )
        stuck = [asyncio.ensure_future(call(connection, "never", timeout_s=0.1)) for _ in range(20)]
        if how == "cancel":
            await asyncio.sleep(0.05)
            for one in stuck:
                one.cancel()
        await asyncio.wait(stuck)
        for one in stuck:
            assert one.cancelled() or isinstance(one.exception(), UpstreamTimeout)
        assert text_of(await neighbour) == "mine"
        assert text_of(await call(connection, "echo", {"text": "next"})) == "next"


@contextmanager
def fixture(transport: str) -> Iterator[Server]:
    """Return our legacy fixture server on the official SDK."""
    python, peer = str(ROOT / ".venv-mcp1" / "bin" / "python"), str(PEERS / "fixture_mcp1.py")
    if transport == "stdio":
        launch = StdioLaunch((python, peer, "--stdio"))
        yield Server("fixture", "w", "fixture", "fixture", launch, True, 0.0)
        return
    with subprocess.Popen([python, peer, f"--{transport}", "0"], stdout=subprocess.PIPE) as peers:
        assert peers.stdout is not None
        try:
            yield http_server(peers.stdout.readline().decode().strip())
        finally:
            peers.terminate()


@pytest.mark.parametrize("transport", ["stdio", "http", "sse"])
async def test_a_question_that_names_no_call_finds_the_only_one(
    tmp_path: Path, transport: str
) -> None:
    async def ask(question: Question) -> Reply:
        asked.append(question.method)
        return Reply(Raw(b'{"roots":[{"uri":"file:///a"}]}'), None)

    asked: list[str] = []
    with fixture(transport) as server:
        async with open_upstreams(tmp_path) as upstreams:
            for client in ("a", "b"):
                lane = Lane(Era.LEGACY, b'{"roots":{}}', client)
                connection = await upstreams.connect(server, "f", nothing, lane)
                for _ in range(2):
                    reply = await call(connection, "roots_unrelated", ask=ask, client=client)
                    assert text_of(reply) == "file:///a"
    assert asked == ["roots/list"] * 4
