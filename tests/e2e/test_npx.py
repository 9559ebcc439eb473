"""Real clients that start `npx -y <workspace URL>`, as articles tell them to."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PEERS, Box, drive, free_port
from tests.e2e.test_bridge import CLIENTS, STEPS, check, said, steps_around_a_restart
from tests.process import until

NOWHERE = "http://127.0.0.1:9/"
"""The package registry that npm knows: none is needed."""


def environment(box: Box) -> dict[str, str]:
    """What a client starts npx with: a cache of its own, and the token."""
    return {
        **box.environment,
        "npm_config_cache": str(box.home / "npm"),
        "npm_config_registry": NOWHERE,
        "MCPGW_TOKEN": box.token(),
    }


async def through_npx(
    box: Box, kind: str, mode: str, url: str, steps: list[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    command = ["npx", "-y", url]
    return await drive(kind, url, "", steps, mode, command=command, environment=environment(box))


@pytest.fixture(scope="module")
def stdio_box(shared_box: Box) -> Box:
    shared_box.run("server", "add", "child", "--", sys.executable, str(PEERS / "bad_stdio.py"))
    return shared_box


@pytest.mark.parametrize(("kind", "mode", "version"), CLIENTS)
async def test_a_client_lists_and_calls(stdio_box: Box, kind: str, mode: str, version: str) -> None:
    with stdio_box.serving() as served:
        got = await through_npx(stdio_box, kind, mode, served.workspace_url, STEPS)
    check(got, version)


async def test_the_gateway_may_be_restarted_behind_it(stdio_box: Box, tmp_path: Path) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/ws/demo"
    steps = steps_around_a_restart(tmp_path)
    async with asyncio.TaskGroup() as group:
        with stdio_box.serving("--port", port):
            client = group.create_task(through_npx(stdio_box, "mcp2", "legacy", url, steps))
            await until(lambda: client.done() or (tmp_path / "reached").exists())
        (tmp_path / "go_on").touch()
        with stdio_box.serving("--port", port):
            got = await client
    before, _, after, tools = got["results"]
    assert (said(before), said(after)) == ("before", "after")
    assert "child__echo" in {tool["name"] for tool in tools["tools"]}


def test_nothing_tells_the_token_and_nothing_of_it_is_kept(stdio_box: Box) -> None:
    """Neither in what npm caches, nor in the log of the gateway."""
    known = environment(stdio_box)
    with stdio_box.serving() as served:
        done = subprocess.run(
            ["npx", "-y", served.workspace_url],
            env=known,
            input=b"",
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, b"")
    kept = [
        path for path in stdio_box.home.rglob("*") if path.is_file() and "data" not in path.parts
    ]
    assert any(path.name == "bridge.mjs" for path in kept)
    token = known["MCPGW_TOKEN"].encode()
    assert [path for path in kept if token in path.read_bytes()] == []
    assert token not in done.stderr
