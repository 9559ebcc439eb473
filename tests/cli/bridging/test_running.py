"""How a bridge ends, in this process and as a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web

from mcpgw.cli.bridging import running
from tests.cli.bridging.gateway import (
    TOKEN,
    bridged,
    legacy,
    modern,
    result,
    serving,
    streams,
    usual,
)
from tests.cli.conftest import Cli
from tests.process import gone

SCRIPT = """
import subprocess, sys
bridge = subprocess.Popen(sys.argv[1:])
print(bridge.pid, flush=True)
bridge.wait()
"""
"""A client that starts a bridge and stays."""


async def slow(request: web.BaseRequest, message: Any) -> web.StreamResponse:
    await asyncio.sleep(0.2)
    return await usual(request, message)


async def test_answers_under_way_are_waited_for() -> None:
    async with serving(ask=slow) as gateway, bridged(gateway.url) as client:
        await client.open()
        client.send(legacy(1, "ask"), modern(2, "ask"))
        answers = [json.loads(line) for line in await client.close()]
    assert sorted(one["id"] for one in answers) == [1, 2]
    assert gateway.seen[-1].kind == "DELETE"


async def test_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LAST_ANSWERS_S", 0.05)
    left = asyncio.Event()

    async def never(request: web.BaseRequest, message: Any) -> web.StreamResponse:
        try:
            return await streams(lambda m: [], until=asyncio.Event())(request, message)
        finally:
            left.set()

    async with serving(ask=never) as gateway, bridged(gateway.url) as client:
        await client.open()
        client.send(modern(2, "ask"))
        assert await client.close() == []
        await left.wait()
    assert gateway.seen[-1].kind == "DELETE"


async def test_the_last_line_needs_no_end() -> None:
    async with serving() as gateway, bridged(gateway.url) as client:
        os.write(client.writing, json.dumps(modern(1, "ask")).encode())
        (answer,) = await client.close()
    assert json.loads(answer)["id"] == 1


async def test_a_client_that_reads_no_more_has_ended() -> None:
    async with serving() as gateway:
        loop = asyncio.get_running_loop()
        source, writing = os.pipe()
        reading, sink = os.pipe()
        os.close(reading)
        work = running.run_bridge(gateway.url, TOKEN, 1000, source=source, sink=sink)
        bridge = loop.create_task(work)
        os.write(writing, json.dumps(modern(1, "ask")).encode() + b"\n")
        await bridge
        for descriptor in (writing, sink):
            os.close(descriptor)


async def test_a_parent_that_is_gone_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PARENT_CHECK_S", 0.01)
    parents = iter([7, 7, 7])
    monkeypatch.setattr(os, "getppid", lambda: next(parents, 1))
    async with serving() as gateway, bridged(gateway.url) as client:
        await client.bridge


def environment(cli: Cli) -> dict[str, str]:
    return cli.environment | {"MCPGW_TOKEN": TOKEN}


async def start(cli: Cli, url: str) -> "subprocess.Popen[bytes]":
    """Start a bridge and shake hands."""
    process = cli.process("bridge", "--url", url, stdin=subprocess.PIPE, env=environment(cli))
    assert process.stdin is not None
    process.stdin.write(json.dumps(modern(1, "ask")).encode() + b"\n")
    process.stdin.flush()
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    assert json.loads(line) == result({"id": 1}, json.loads(line)["result"])
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process(bare: Cli, number: signal.Signals) -> None:
    async with serving() as gateway:
        process = await start(bare, gateway.url)
        process.send_signal(number)
        out, err = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, out, err) == (0, b"", b"")


async def test_the_end_of_input_ends_the_process(bare: Cli) -> None:
    async with serving() as gateway:
        process = await start(bare, gateway.url)
        out, err = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, out, err) == (0, b"", b"")


async def test_a_client_that_was_killed_takes_its_bridge_along(bare: Cli) -> None:
    """Though somebody else holds the input open."""
    source, writing = os.pipe()
    async with serving() as gateway:
        command = [sys.executable, "-m", "mcpgw", "bridge", "--url", gateway.url]
        client = subprocess.Popen(  # noqa: ASYNC220  (no longer than any other step)
            [sys.executable, "-c", SCRIPT, *command],
            stdin=source,
            stdout=subprocess.PIPE,
            env=environment(bare),
            cwd=bare.directory,
        )
        assert client.stdout is not None
        pid = int(await asyncio.to_thread(client.stdout.readline))
        os.write(writing, json.dumps(modern(1, "ask")).encode() + b"\n")
        await gateway.met("ask")
        client.kill()
        await asyncio.to_thread(client.wait)
        await gone(pid)
        client.stdout.close()
    os.close(source)
    os.close(writing)
