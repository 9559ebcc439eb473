"""Real clients that only start commands, through `mcpgw bridge` to a real gateway."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PEERS, Box, drive, free_port
from tests.process import until

CLIENTS = [
    ("mcp2", "auto", "2026-07-28"),
    ("mcp2", "legacy", "2025-11-25"),
    ("mcp1", "legacy", "2025-11-25"),
]


@pytest.fixture
def stdio_box(box: Box) -> Box:
    box.run("server", "add", "child", "--", sys.executable, str(PEERS / "bad_stdio.py"))
    return box


async def through_bridge(
    box: Box, kind: str, mode: str, url: str, steps: list[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """Let a client start a bridge, which finds its token in the environment."""
    command = [sys.executable, "-m", "mcpgw", "bridge", "--url", url]
    environment = {**box.environment, "MCPGW_TOKEN": box.token()}
    return await drive(kind, url, "", steps, mode, command=command, environment=environment)


def echo(text: str) -> tuple[str, dict[str, Any]]:
    return "call", {"name": "child__echo", "arguments": {"text": text}}


def said(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


STEPS = [
    ("list_tools", {}),
    echo("\u00e9\u2028\n"),
    echo("x" * 200_000),
    ("call", {"name": "child__nothing", "arguments": {}}),
    echo("again"),
]


def check(got: dict[str, Any], version: str) -> None:
    """Check what a client got that carried out `STEPS`."""
    assert (got["server"], got["version"]) == ("mcpgw", version)
    tools, odd, long, unknown, again = got["results"]
    assert "child__echo" in {tool["name"] for tool in tools["tools"]}
    assert said(odd) == "\u00e9\u2028\n"
    assert said(long) == "x" * 200_000
    assert "child__nothing" in unknown["error"]
    assert said(again) == "again"


@pytest.mark.parametrize(("kind", "mode", "version"), CLIENTS)
async def test_a_client_lists_and_calls(stdio_box: Box, kind: str, mode: str, version: str) -> None:
    with stdio_box.serving() as served:
        got = await through_bridge(stdio_box, kind, mode, served.workspace_url, STEPS)
    check(got, version)


def steps_around_a_restart(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    files = {name: str(folder / name) for name in ("reached", "go_on")}
    return [echo("before"), ("wait", files), echo("after"), ("list_tools", {})]


@pytest.mark.parametrize(("kind", "mode", "version"), CLIENTS)
async def test_the_gateway_may_be_restarted_behind_it(
    stdio_box: Box, tmp_path: Path, kind: str, mode: str, version: str
) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/ws/demo"
    steps = steps_around_a_restart(tmp_path)
    async with asyncio.TaskGroup() as group:
        with stdio_box.serving("--port", port):
            client = group.create_task(through_bridge(stdio_box, kind, mode, url, steps))
            await until(lambda: client.done() or (tmp_path / "reached").exists())
        # While nobody serves: the call waits for the gateway.
        (tmp_path / "go_on").touch()
        with stdio_box.serving("--port", port):
            got = await client
    before, _, after, tools = got["results"]
    assert (said(before), said(after)) == ("before", "after")
    assert "child__echo" in {tool["name"] for tool in tools["tools"]}
