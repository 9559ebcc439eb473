"""Revoked means refused: no request that starts after the command returned is served."""

import asyncio
import time
from collections.abc import Iterator

import aiohttp
import pytest

from tests.e2e.conftest import Box, Served, server_command
from tests.web.conftest import modern_body, modern_headers

CALL = modern_body("tools/call", name="everything__echo", arguments={"message": "x"})


@pytest.fixture
def served(box: Box) -> Iterator[Served]:
    box.run("server", "add", "everything", "--", *server_command("server-everything"))
    # Every refusal is to be seen as such, and not as one too many.
    box.environment["MCPGW_MAX_AUTH_FAILURES"] = "1000000"
    with box.serving() as running:
        yield running


async def test_a_token_revoked_under_a_loop_of_calls(box: Box, served: Served) -> None:
    issued = box.read("token", "issue", "--member", "leaver", "--no-test")
    headers = modern_headers("tools/call", "everything__echo")
    headers["Authorization"] = f"Bearer {issued['token']}"
    results: list[tuple[float, int]] = []
    is_warm = asyncio.Event()
    is_over = asyncio.Event()

    async def loop(http: aiohttp.ClientSession) -> None:
        while not is_over.is_set():
            begun = time.monotonic()
            async with http.post(served.workspace_url, json=CALL, headers=headers) as response:
                await response.read()
                results.append((begun, response.status))
            if len(results) >= 50:
                is_warm.set()

    async with aiohttp.ClientSession() as http:
        loops = [asyncio.ensure_future(loop(http)) for _ in range(8)]
        await is_warm.wait()
        await asyncio.to_thread(box.run, "token", "revoke", issued["id"])
        returned_at = time.monotonic()
        await asyncio.sleep(0.5)
        is_over.set()
        await asyncio.gather(*loops)
    before = [status for begun, status in results if begun < returned_at]
    after = [status for begun, status in results if begun >= returned_at]
    assert before.count(200) >= 50
    assert after
    assert set(after) == {401}


async def test_what_the_command_line_changes_counts_at_once(box: Box, served: Served) -> None:
    token = box.token()
    headers = modern_headers("tools/list") | {"Authorization": f"Bearer {token}"}

    async def tools(http: aiohttp.ClientSession) -> list[str]:
        body = modern_body("tools/list")
        async with http.post(served.workspace_url, json=body, headers=headers) as response:
            assert response.status == 200
            return [tool["name"] for tool in (await response.json())["result"]["tools"]]

    async with aiohttp.ClientSession() as http:
        assert "everything__echo" in await tools(http)
        box.run("server", "disable", "everything")
        assert await tools(http) == []
        box.run("server", "enable", "everything")
        assert "everything__echo" in await tools(http)
        box.run("server", "remove", "everything", "--yes")
        assert await tools(http) == []
