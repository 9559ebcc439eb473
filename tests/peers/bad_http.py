"""A modern MCP server over HTTP that echoes after a delay, and does whatever a bad server does.

    python bad_http.py        prints the port that it listens on

Its tools are its habits; `echo` is the good one. What belongs to stdio only is not among them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tests.peers.raw_http import RawMcp, Request

HUGE = 20 << 20

LISTING: dict[str, Any] = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


class BadHttp(RawMcp):
    """Lists its habits as tools."""

    def __init__(self) -> None:
        super().__init__("modern", self._misbehave)

    async def _dispatch(self, request: Request) -> None:
        if request.message is None or request.message.get("method") != "tools/list":
            await super()._dispatch(request)
            return
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]
        request.result({**LISTING, "tools": tools})

    async def _misbehave(self, request: Request) -> None:
        params = request.message["params"]
        await TOOLS[params["name"]](request, params.get("arguments", {}))


def answer_to(request: Request, text: str, request_id: object = None) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    result = {"resultType": "complete", "content": content, "isError": False}
    wanted = request.message["id"] if request_id is None else request_id
    return {"jsonrpc": "2.0", "id": wanted, "result": result}


def progress(request: Request, number: float, message: str) -> dict[str, Any]:
    token = request.message["params"]["_meta"].get("progressToken")
    params = {"progressToken": token, "progress": number, "message": message}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def log(data: str) -> dict[str, Any]:
    params = {"level": "info", "data": data}
    return {"jsonrpc": "2.0", "method": "notifications/message", "params": params}


# The tools: each takes its request and its arguments.


async def echo(request: Request, given: Any) -> None:
    await asyncio.sleep(given.get("delay_ms", 0) / 1000)
    if "progressToken" not in request.message["params"]["_meta"]:
        request.answer_json(answer_to(request, given["text"]))
        return
    request.begin_stream()
    request.event(progress(request, 1, given["text"]))
    request.event(answer_to(request, given["text"]))
    request.end_stream()


async def garbage(request: Request, given: Any) -> None:
    request.answer(200, b"[" * 100_000, {"Content-Type": "application/json"})


async def garbage_stream(request: Request, given: Any) -> None:
    request.begin_stream()
    for data in (
        b"no JSON",
        b'{"jsonrpc":"2.0","id":',
        b"[]",
        b"null",
        b"\xff\x00",
        b"[" * 100_000,
    ):
        request.chunk(b"data: " + data + b"\n\n")
    request.end_stream()


async def no_http(request: Request, given: Any) -> None:
    request.write(b"\x00\x01\x02 what is this?\r\n\r\n")
    request.close()


async def page(request: Request, given: Any) -> None:
    request.answer(200, b"<html>Welcome!</html>", {"Content-Type": "text/html"})


async def wrong_id(request: Request, given: Any) -> None:
    request.answer_json(answer_to(request, "not yours", 1_000_000))


async def wrong_id_stream(request: Request, given: Any) -> None:
    request.begin_stream()
    for stranger in (1_000_000, -1, str(request.message["id"]), 0.5, [1]):
        request.event(answer_to(request, "not yours", stranger))
    request.end_stream()


async def duplicate_id(request: Request, given: Any) -> None:
    request.begin_stream()
    for text in ("first", "second", "third"):
        request.event(answer_to(request, text))
    request.end_stream()


async def late(request: Request, given: Any) -> None:
    """Answer after everybody has gone."""
    await asyncio.sleep(given["seconds"])
    request.answer_json(answer_to(request, "too late"))


async def endless(request: Request, given: Any) -> None:
    """Never answer, never stop talking; only the end of the connection ends it."""
    request.begin_stream()
    number = 0.0
    while True:
        number += 1
        request.event(progress(request, number, "x" * 1000))
        request.event(log("y" * 1000))
        await request.writer.drain()
        await asyncio.sleep(0)


async def huge(request: Request, given: Any) -> None:
    request.answer_json(answer_to(request, "x" * HUGE))


async def huge_stream(request: Request, given: Any) -> None:
    request.begin_stream()
    request.event(answer_to(request, "x" * HUGE))
    request.end_stream()


async def huge_notice(request: Request, given: Any) -> None:
    request.begin_stream()
    request.event(log("x" * HUGE))
    request.event(answer_to(request, "after it"))
    request.end_stream()


async def half(request: Request, given: Any) -> None:
    """Break off within the answer."""
    request.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
    )
    request.close()


async def half_stream(request: Request, given: Any) -> None:
    request.begin_stream()
    request.chunk(b'data: {"jsonrpc":"2.0","id":')
    request.close()


async def leave(request: Request, given: Any) -> None:
    request.reset()


TOOLS: dict[str, Callable[[Request, Any], Awaitable[None]]] = {
    tool.__name__: tool
    for tool in (
        *(echo, garbage, garbage_stream, no_http, page, wrong_id, wrong_id_stream, duplicate_id),
        *(late, endless, huge, huge_stream, huge_notice, half, half_stream, leave),
    )
}


async def main() -> None:
    async with BadHttp() as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
