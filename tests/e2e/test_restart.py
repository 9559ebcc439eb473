"""The gateway is restarted under its clients, and nobody has to connect again by hand."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.caller import Caller
from tests.e2e.conftest import PEERS, Box, drive, free_port
from tests.process import until

CLIENTS = [
    ("mcp1", "legacy"),
    ("mcp2", "auto"),
    ("mcp2", "legacy"),
    ("npm", "auto"),
    ("npm", "legacy"),
]

RESTARTS = 2


@pytest.fixture
def stdio_box(box: Box) -> Box:
    box.run("server", "add", "child", "--", sys.executable, str(PEERS / "bad_stdio.py"))
    return box


def steps(folder: Path, who: str) -> list[tuple[str, dict[str, Any]]]:
    """Call, be restarted under, call again and so on; list at last."""

    def call(number: int) -> tuple[str, dict[str, Any]]:
        return "call", {"name": "child__echo", "arguments": {"text": f"{who} {number}"}}

    planned = [call(0)]
    for number in range(RESTARTS):
        files = {"reached": folder / f"{who} reached {number}", "go_on": folder / f"go on {number}"}
        planned.append(("wait", {name: str(file) for name, file in files.items()}))
        planned.append(call(number + 1))
    return [*planned, ("list_tools", {})]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_the_next_call_of_every_client_succeeds(
    stdio_box: Box, number: signal.Signals
) -> None:
    box, token, port = stdio_box, stdio_box.token(), str(free_port())
    folder = box.home / "steps"
    folder.mkdir()
    url = f"http://127.0.0.1:{port}/ws/demo"
    clients: dict[str, asyncio.Task[dict[str, Any]]] = {}

    def all_reached(restart: int) -> bool:
        return all(
            task.done() or (folder / f"{who} reached {restart}").exists()
            for who, task in clients.items()
        )

    async with asyncio.TaskGroup() as group:
        for restart in range(RESTARTS):
            with box.serving("--port", port) as served:
                for kind, mode in CLIENTS if restart == 0 else ():
                    who = f"{kind} {mode}"
                    plan = steps(folder, who)
                    clients[who] = group.create_task(drive(kind, url, token, plan, mode))
                if restart:
                    (folder / f"go on {restart - 1}").touch()
                await until(lambda: all_reached(restart))  # noqa: B023  (awaited in its turn)
                served.process.send_signal(number)
                served.process.wait(20)
        with box.serving("--port", port):
            (folder / f"go on {RESTARTS - 1}").touch()
            await asyncio.wait(clients.values())
    for who, task in clients.items():
        results = task.result()["results"]
        said = [got.get("content", got) for got in results[:-1:2]]
        expected = [f"{who} {number}" for number in range(RESTARTS + 1)]
        assert said == [[{"type": "text", "text": text}] for text in expected]
        assert "child__echo" in {tool["name"] for tool in results[-1]["tools"]}


async def test_an_ended_session_stays_ended(stdio_box: Box) -> None:
    box, token = stdio_box, stdio_box.token()
    async with aiohttp.ClientSession() as http:
        with box.serving() as served:
            ended = await Caller(http, served.workspace_url, token).open()
            kept = await Caller(http, served.workspace_url, token).open()
            assert await ended.end() == 204
            served.process.send_signal(signal.SIGKILL)
            served.process.wait(20)
        with box.serving() as served:
            ended.url = kept.url = served.workspace_url
            assert [await ended.ask("ping"), await ended.end()] == [404, 404]
            assert await kept.ask("ping") == 200
            assert (await kept.call("child__echo", {"text": "still here"})).text == "still here"
            assert await kept.end() == 204
            assert await kept.ask("ping") == 404


async def test_what_a_session_set_outlives_the_gateway(stdio_box: Box) -> None:
    """Its log level, and the resources that it is subscribed to."""
    box, token = stdio_box, stdio_box.token()
    async with aiohttp.ClientSession() as http:
        with box.serving() as served:
            caller = await Caller(http, served.workspace_url, token).open()
            assert await caller.ask("logging/setLevel", level="error") == 200
            assert await caller.ask("resources/subscribe", uri="memo://one") == 200
            served.process.send_signal(signal.SIGKILL)
            served.process.wait(20)
        with box.serving() as served:
            caller.url = served.workspace_url
            heard = await caller.call("child__chat", {})
            assert [item["params"]["data"] for item in heard.notifications] == ["some error"]
            async with caller.news() as news, asyncio.timeout(20):
                await next_update(news)  # what may have happened meanwhile
                await caller.call("child__touch", {})
                assert await next_update(news) == "memo://one"


async def next_update(news: AsyncIterator[dict[str, Any]]) -> str:
    """Return the URI of the next resource that is said to have changed."""
    async for message in news:
        if message["method"] == "notifications/resources/updated":
            return str(message["params"]["uri"])
    raise AssertionError("the stream ended")
