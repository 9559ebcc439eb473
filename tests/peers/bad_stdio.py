"""A legacy MCP server over stdio that echoes after a delay, and does whatever a bad server does.

Its tools are its habits; `echo`, `chat` and `touch` are good ones. Raw JSON-RPC, and nothing but
the standard library: the gateway starts it with an environment of its own.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

HUGE = 20 << 20
MEMO = "memo://one"

GREETING = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}, "logging": {}, "resources": {"subscribe": True}},
    "serverInfo": {"name": "bad", "version": "1"},
}

subscribed: set[str] = set()

running: dict[object, "asyncio.Task[None]"] = {}
"""Calls that can be taken back, by request id."""


def write_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write(**message: object) -> None:
    write_line(json.dumps({"jsonrpc": "2.0", **message}))


def say(request_id: object, text: str) -> None:
    write(id=request_id, result={"content": [{"type": "text", "text": text}], "isError": False})


def tell(token: object, progress: float, message: str) -> None:
    params = {"progressToken": token, "progress": progress, "message": message}
    write(method="notifications/progress", params=params)


# The tools: each takes the id of its request, its arguments and its progress token.


async def echo(request_id: Any, given: Any, token: object) -> None:
    await asyncio.sleep(given.get("delay_ms", 0) / 1000)
    if token is not None:
        tell(token, 1, given["text"])
    say(request_id, given["text"])


async def chat(request_id: Any, given: Any, token: object) -> None:
    for level in ("info", "error"):
        write(method="notifications/message", params={"level": level, "data": f"some {level}"})
    say(request_id, "said")


async def touch(request_id: Any, given: Any, token: object) -> None:
    """Tell of a change of the resource, if anybody wants to know."""
    if MEMO in subscribed:
        write(method="notifications/resources/updated", params={"uri": MEMO})
    say(request_id, "touched")


async def garbage(request_id: Any, given: Any, token: object) -> None:
    nested = "[" * 100_000
    for line in ("no JSON", '{"jsonrpc":"2.0","id":', "[]", "null", "\x00\x1b[31m", nested):
        write_line(line)


async def wrong_id(request_id: Any, given: Any, token: object) -> None:
    for stranger in (request_id + 1_000_000, -1, str(request_id), request_id + 0.5, None, [1]):
        say(stranger, "not yours")


async def duplicate_id(request_id: Any, given: Any, token: object) -> None:
    for text in ("first", "second", "third"):
        say(request_id, text)


async def late(request_id: Any, given: Any, token: object) -> None:
    """Answer after everybody has gone, deaf to being taken back."""
    del running[request_id]
    await asyncio.sleep(given["seconds"])
    say(request_id, "too late")


async def endless(request_id: Any, given: Any, token: object) -> None:
    """Never answer, never stop talking; only being taken back ends it."""
    number = 0.0
    while True:
        number += 1
        tell(token, number, "x" * 1000)
        data = {"level": "info", "data": "y" * 1000}
        write(method="notifications/message", params=data)
        await asyncio.sleep(0)


async def huge(request_id: Any, given: Any, token: object) -> None:
    say(request_id, "x" * HUGE)


async def huge_notice(request_id: Any, given: Any, token: object) -> None:
    write(method="notifications/message", params={"level": "info", "data": "x" * HUGE})
    say(request_id, "after it")


async def half(request_id: Any, given: Any, token: object) -> None:
    """Break off within the answer."""
    sys.stdout.write(f'{{"jsonrpc":"2.0","id":{request_id},"result":{{"content":[{{"type":"te')
    sys.stdout.flush()
    os._exit(0)


async def leave(request_id: Any, given: Any, token: object) -> None:
    os._exit(3)


Tool = Callable[[Any, Any, object], Coroutine[Any, Any, None]]

TOOLS: dict[str, Tool] = {
    tool.__name__: tool
    for tool in (
        *(echo, chat, touch, garbage, wrong_id, duplicate_id, late, endless, huge, huge_notice),
        *(half, leave),
    )
}


def take(message: Any, group: asyncio.TaskGroup) -> None:
    request_id, params = message.get("id"), message.get("params", {})
    match message.get("method"):
        case "initialize":
            write(id=request_id, result=GREETING)
        case "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]
            write(id=request_id, result={"tools": tools})
        case "tools/call":
            token = params.get("_meta", {}).get("progressToken")
            work = TOOLS[params["name"]](request_id, params.get("arguments", {}), token)
            task = running[request_id] = group.create_task(work)
            task.add_done_callback(lambda _: running.pop(request_id, None))
        case "resources/list":
            write(id=request_id, result={"resources": [{"uri": MEMO, "name": "memo"}]})
        case "resources/subscribe":
            subscribed.add(params["uri"])
            write(id=request_id, result={})
        case "logging/setLevel":
            write(id=request_id, result={})
        case "notifications/cancelled":
            if params["requestId"] in running:
                running[params["requestId"]].cancel()
        case _ if request_id is not None:
            write(id=request_id, error={"code": -32601, "message": "method not found"})


async def main() -> None:
    reader = asyncio.StreamReader(1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as group:
        while line := await reader.readline():
            take(json.loads(line), group)
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
