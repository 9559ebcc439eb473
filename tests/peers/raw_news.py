"""HTTP servers for tests that have news, written without any SDK.

`RawNews` is a Streamable HTTP server of one era with subscriptions and a GET stream, and
`RawEventStream` one of HTTP+SSE. Both keep the requests whose streams are open, for the test to
write to.
"""

import asyncio
from typing import Any

from tests.peers.raw_http import LEGACY, RawHttp, RawMcp, Request, Script

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
UPDATED = "notifications/resources/updated"
TOOLS_CHANGED = "notifications/tools/list_changed"


def note(method: str, listen: Request | None = None, **params: object) -> dict[str, object]:
    """Return a notification, of a subscription if one is named."""
    if listen is not None:
        params["_meta"] = {SUBSCRIPTION: listen.message["id"]}
    return {"jsonrpc": "2.0", "method": method, "params": params}


def acknowledgement(listen: Request) -> dict[str, object]:
    wanted = listen.message["params"]["notifications"]
    return note("notifications/subscriptions/acknowledged", listen, notifications=wanted)


async def stream(request: Request) -> None:
    """Answer with a stream that stays open; acknowledge a subscription."""
    request.begin_stream()
    if request.message is not None:
        request.event(acknowledgement(request))


class RawNews(RawMcp):
    """A server whose `on_listen` and `on_get` answer what asks for news."""

    def __init__(self, era: str, on_call: Script = stream) -> None:
        super().__init__(era, on_call)
        self.capabilities = {"tools": {}, "resources": {"subscribe": True}}
        self.on_listen: Script = stream
        self.on_get: Script = stream
        self.listens: list[Request] = []
        self.gets: list[Request] = []
        self.subscribed: list[str] = []
        self.refused: set[str] = set()

    def still_open(self, requests: list[Request]) -> list[Request]:
        """Return those whose streams the client still reads."""
        return [request for request in requests if request.writer in self._writers]

    async def _dispatch(self, request: Request) -> None:
        method = request.message.get("method") if request.message is not None else None
        if request.method == "GET":
            if request.headers.get("mcp-session-id") in self.sessions:
                await self.on_get(request)
                self.gets.append(request)
            else:
                request.answer(404)
        elif method == "subscriptions/listen":
            await self.on_listen(request)
            self.listens.append(request)
        elif method in ("resources/subscribe", "resources/unsubscribe"):
            self._subscribe(request, method)
        else:
            await super()._dispatch(request)

    def _subscribe(self, request: Request, method: str) -> None:
        uri = request.message["params"]["uri"]
        if uri in self.refused:
            request.error(-32602)
            return
        if method == "resources/subscribe":
            self.subscribed.append(uri)
        else:
            self.subscribed.remove(uri)
        request.result({})


class RawEventStream(RawHttp):
    """A server of HTTP+SSE: `on_message` answers what is posted, on the stream if it likes."""

    def __init__(self, on_message: Script) -> None:
        super().__init__(self._dispatch)
        self.on_message = on_message
        self.endpoint = "/messages?session=1"
        self.get_status = 200
        self.post_status = 202
        self.streams: list[Request] = []
        self.posted: list[Any] = []

    @property
    def stream(self) -> Request:
        """The stream of the last connection."""
        return self.streams[-1]

    @property
    def url(self) -> str:
        return super().url.removesuffix("/mcp") + "/sse?key=1"

    def answer(self, request: Request, result: object) -> None:
        """Answer on the stream."""
        self.stream.event({"jsonrpc": "2.0", "id": request.message["id"], "result": result})

    def say(self, request: Request, text: str) -> None:
        self.answer(request, {"content": [{"type": "text", "text": text}], "isError": False})

    async def _dispatch(self, request: Request) -> None:
        if request.method == "GET":
            self._open(request)
        elif request.path == "/sse?key=1":
            request.answer(405)
        else:
            self.posted.append(request.message)
            request.answer(self.post_status, b"Accepted")
            if request.message.get("method") == "initialize":
                self.answer(
                    request,
                    {
                        "protocolVersion": LEGACY,
                        "capabilities": {"tools": {}, "resources": {"subscribe": True}},
                        "serverInfo": {"name": "raw", "version": "1"},
                    },
                )
            elif "method" in request.message and "id" in request.message:
                await self.on_message(request)
        await asyncio.sleep(0)

    def _open(self, request: Request) -> None:
        if self.get_status != 200:
            request.answer(self.get_status)
            return
        request.begin_stream()
        request.chunk(b"event: endpoint\r\ndata: " + self.endpoint.encode() + b"\r\n\r\n")
        self.streams.append(request)
