"""A client of the first revision: PyPI `mcp` 1.x over HTTP+SSE, to real servers."""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import Box, Served, drive, server_command


@pytest.fixture(scope="module")
def served(shared_box: Box) -> Iterator[Served]:
    shared_box.run("server", "add", "everything", "--", *server_command("server-everything"))
    with shared_box.serving() as running:
        yield running


@pytest.fixture(scope="module")
def token(shared_box: Box, served: Served) -> str:
    return shared_box.token()


def echo(message: str) -> tuple[str, dict[str, Any]]:
    return "call", {"name": "everything__echo", "arguments": {"message": message}}


def text(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


async def test_it_lists_calls_reads_and_prompts(served: Served, token: str) -> None:
    slow = {"duration": 0.2, "steps": 2}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("list_tools", {}),
        echo("over HTTP+SSE"),
        ("call", {"name": "everything__trigger-long-running-operation", "arguments": slow}),
        ("get_prompt", {"name": "everything__simple-prompt"}),
        ("read_resource", {"uri": "demo://resource/dynamic/text/7"}),
        ("call", {"name": "nobody__nothing", "arguments": {}}),
        ("send_ping", {}),
    ]
    got = await drive("mcp1", f"{served.workspace_url}/sse", token, steps, "sse")
    assert got["server"] == "mcpgw"
    tools, echoed, slow_one, prompt, resource, missing, _ = got["results"]
    assert "everything__echo" in {tool["name"] for tool in tools["tools"]}
    assert text(echoed) == "Echo: over HTTP+SSE"
    assert "completed" in text(slow_one)
    assert slow_one["progress"][-1] == 2
    assert prompt["messages"]
    assert "7" in resource["contents"][0]["uri"]
    assert "nobody__nothing" in missing["error"]


async def test_clients_side_by_side_get_their_own_answers(served: Served, token: str) -> None:
    everybody = range(3)
    answers = await asyncio.gather(
        *(
            drive(
                "mcp1",
                f"{served.workspace_url}/sse",
                token,
                [echo(f"{who} {number}") for number in range(10)],
                "sse",
            )
            for who in everybody
        )
    )
    for who, got in zip(everybody, answers, strict=True):
        assert [text(result) for result in got["results"]] == [
            f"Echo: {who} {number}" for number in range(10)
        ]


async def test_without_a_valid_token_there_is_no_stream(served: Served) -> None:
    with pytest.raises(AssertionError, match="401"):
        await drive("mcp1", f"{served.workspace_url}/sse", "mgwu_nobody", [], "sse")


async def test_open_streams_do_not_hold_up_the_end(box: Box) -> None:
    """Each ends as the protocol says, and the process in order, long before it would be killed."""
    initialize = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    modern = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    listen = {"notifications": {"toolsListChanged": True}, "_meta": modern}
    headers = {"Authorization": f"Bearer {box.token()}", "Accept": "text/event-stream"}
    with box.serving() as served:
        async with aiohttp.ClientSession(headers=headers) as http:
            url = served.workspace_url
            opened = await http.post(url, json=request("initialize", initialize))
            session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
            routing = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
            streams = [
                await http.get(url, headers=session),
                await http.get(f"{url}/sse"),
                await http.post(url, json=request("subscriptions/listen", listen), headers=routing),
            ]
            for stream in streams:
                assert (await stream.content.readline()).strip()
            served.process.send_signal(signal.SIGTERM)
            *_, farewell = [await stream.text() for stream in streams]
            assert '"resultType":"complete"' in farewell
            assert await asyncio.to_thread(served.process.wait, 5) == 0


def request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
