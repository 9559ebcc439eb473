"""One MCP request to a workspace elsewhere."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.cli.remote.gateway import RemoteGateway, open_remote
from mcpgw.cli.target import Target
from mcpgw.errors import Unauthenticated, UpstreamError
from tests.cli.remote.conftest import MOST_BYTES, http, peer
from tests.web.conftest import Client
from tests.world import World

SCHEMA = b'{"type":"object","properties":{"team":{"type":"string","x-mcp-header":"Team"}}}'


def read(response: bytes) -> Any:
    return msgspec.json.decode(response)


async def test_listed_and_called(remote: RemoteGateway, here: World) -> None:
    await here.server("git", log="x")
    listed = read(await remote.ask("tools/list", {}, b"{}"))
    assert [one["name"] for one in listed["result"]["tools"]] == ["git__log"]
    params = {"name": Raw(b'"git__log"'), "arguments": Raw(b'{"a":1.0}')}
    called = read(await remote.ask("tools/call", params, b"{}"))
    assert '{"a":1.0}' in called["result"]["content"][0]["text"]


async def test_a_tool_that_wants_headers_gets_them(remote: RemoteGateway, here: World) -> None:
    git = await here.server("git", log="x")
    tool = {"name": "log", "inputSchema": msgspec.json.decode(SCHEMA)}
    git.answers["tools/list"] = lambda _: {"tools": [tool]}
    params = {"name": Raw(b'"git__log"'), "arguments": Raw('{"team":"ünï"}'.encode())}
    assert "result" in read(await remote.ask("tools/call", params, SCHEMA))
    assert "error" in read(await remote.ask("tools/call", params, b"{}"))


async def test_what_comes_before_the_answer_is_passed_over() -> None:
    said = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'
    answer = b'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
    for events, is_answered in ((said + answer, True), (said, False)):
        async with peer(http("200 OK", events, "text/event-stream")) as there:
            target = Target(there.url, "demo", "x")
            async with open_remote(target, MOST_BYTES) as gateway:
                if is_answered:
                    assert read(await gateway.ask("tools/list", {}, b"{}"))["result"] == {}
                else:
                    with pytest.raises(UpstreamError, match="without a result"):
                        await gateway.ask("tools/list", {}, b"{}")


async def test_an_unknown_tool_is_an_error_of_the_protocol(remote: RemoteGateway) -> None:
    answer = read(await remote.ask("tools/call", {"name": Raw('"ü"'.encode())}, b"{}"))
    assert answer["error"]["code"] == -32602


async def test_a_token_that_is_not_taken(client: Client) -> None:
    wrong = Target(client.url, "demo", "canary")
    async with open_remote(wrong, MOST_BYTES) as gateway:
        with pytest.raises(Unauthenticated) as caught:
            await gateway.ask("tools/list", {}, b"{}")
    assert "canary" not in caught.value.message + caught.value.hint
