"""Function calls in, results out: `POST /ws/<slug>/v1/tool-calls` and `/v1/tools/<name>`.

One JSON answer, or, for who wants one, an event stream that tells of each call as it goes on. A
client that leaves takes its calls back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from mcpgw.errors import GatewayError
from mcpgw.formats.answer import MAX_CHARACTERS, Done, Taste, answer, operation_answer, report
from mcpgw.formats.call import CallSet, FunctionCall, NoCalls, read_calls
from mcpgw.formats.family import Family
from mcpgw.gateway.access import Admission
from mcpgw.gateway.function import Functions, Manner
from mcpgw.model.audit import Surface
from mcpgw.protocol.jsonrpc import repair_surrogates
from mcpgw.protocol.sse import encode
from mcpgw.web.answer import EVENT_STREAM
from mcpgw.web.body import read_body
from mcpgw.web.connection import Connection
from mcpgw.web.cors import PAGE
from mcpgw.web.errors import HTTP_STATUS, Answered, json_response
from mcpgw.web.query import Query
from mcpgw.web.routing import values_of
from mcpgw.web.stream import Stream, Streams
from mcpgw.web.tools import sender_of

TOOL_PATH = "/ws/{slug}/v1/tools/{tool}"

SURFACE = {
    Family.OPENAI: Surface.OPENAI,
    Family.RESPONSES: Surface.RESPONSES,
    Family.ANTHROPIC: Surface.ANTHROPIC,
    Family.GEMINI: Surface.GEMINI,
    Family.MCP: Surface.FUNCTION,
}
"""What the journal says of the calls of each family."""

MOST_CHARACTERS = 1_000_000
"""The most text of one result that a caller can ask for."""

_TASTE = ("max_characters", "structured")
_encode = msgspec.json.Encoder().encode


class ToolCallsEndpoint:
    """Makes the calls that models asked for."""

    def __init__(self, functions: Functions, streams: Streams, max_body_bytes: int) -> None:
        self._functions = functions
        self._streams = streams
        self._max_body_bytes = max_body_bytes

    async def many(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Make all calls of a body in any vendor's shape."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        body = await read_body(request, self._max_body_bytes)
        return await self._make(request, admission, body)

    async def instead(
        self, request: web.BaseRequest, admission: Admission, body: bytes
    ) -> web.StreamResponse | None:
        """Make the calls of a body that is no MCP; None when it holds none."""
        try:
            _read(body, None)
        except NoCalls:
            return None
        return await self._make(request, admission, body)

    async def one(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Call one tool; the body is its arguments."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        query = Query(request, (*_TASTE, "media", "errors"))
        taste, is_http = _taste(query), query.word("errors", ("result", "http")) == "http"
        has_media = query.flag("media")
        arguments = await read_body(request, self._max_body_bytes)
        call = FunctionCall("", values_of(TOOL_PATH, request.raw_path)["tool"], arguments)
        manner = Manner(sender_of(request), Surface.OPENAPI)
        with _taken_back_by_leaving(request):
            (done,) = await self._functions.run(admission, [call], manner)
        status = HTTP_STATUS["upstream"] if is_http and done.code else 200
        shown = operation_answer(done, taste, has_media=has_media)
        return json_response(_encode(shown), status)

    async def _make(
        self, request: web.BaseRequest, admission: Admission, body: bytes
    ) -> web.StreamResponse:
        query = Query(request, (*_TASTE, "format", "parallel", "images", "questions"))
        wanted = query.word("format", ("", *Family))
        taste = _taste(query)
        calls = _read(body, Family(wanted) if wanted else None)
        events = _Events(request, calls, taste) if _wants_events(request) else None
        manner = Manner(
            sender_of(request),
            SURFACE[calls.family],
            is_parallel=query.flag("parallel", True),
            takes_questions=query.flag("questions"),
            watcher=events,
        )
        if events is not None:
            return await self._stream(events, admission, manner)
        with _taken_back_by_leaving(request):
            done = await self._functions.run(admission, calls.calls, manner)
        body = _encode(answer(calls, done, taste))
        return json_response(body) if PAGE in request else Answered(body)

    async def _stream(
        self, events: "_Events", admission: Admission, manner: Manner
    ) -> web.StreamResponse:
        """Tell of the calls as they go on, and at the end what the plain answer says."""
        self._streams.heart.join(events.stream)
        try:
            with _taken_back_by_leaving(events.stream.request):
                done = await self._functions.run(admission, events.calls.calls, manner)
            await events.tell("done", answer(events.calls, done, events.taste))
        except GatewayError as error:
            if not events.stream.is_open:
                raise
            said = {"error": error.code, "message": error.message, "hint": error.hint}
            await events.tell("error", said)
        finally:
            self._streams.heart.leave(events.stream)
        return events.stream.end()


class _Events:
    """Tells one client of its calls, as they go on."""

    def __init__(self, request: web.BaseRequest, calls: CallSet, taste: Taste) -> None:
        self.stream = Stream(request)
        self.calls = calls
        self.taste = taste

    async def tell(self, event: str, said: Any) -> None:
        """Write one event."""
        await self.stream.write(encode(_encode(said), event))

    async def started(self, call: FunctionCall) -> None:
        """Tell that a call begins."""
        await self.tell("call.started", {"id": call.id, "name": call.name})

    async def progressed(self, call: FunctionCall, message: bytes) -> None:
        """Tell how far a call is."""
        progress = msgspec.json.decode(message)["params"]
        progress.pop("progressToken", None)
        await self.tell("call.progress", {"id": call.id, "name": call.name, **progress})

    async def completed(self, done: Done) -> None:
        """Tell what became of a call, as if it were the only one."""
        alone = CallSet(self.calls.family, (done.call,), self.calls.is_old)
        await self.tell("call.completed", {**report(done), **answer(alone, [done], self.taste)})


@contextmanager
def _taken_back_by_leaving(request: web.BaseRequest) -> Iterator[None]:
    """Cancel what the block does when the client goes away."""
    connection = request.protocol
    if isinstance(connection, Connection):
        connection.on_lost = request.task.cancel
    try:
        yield
    finally:
        if isinstance(connection, Connection):
            connection.on_lost = None


def _read(body: bytes, wanted: Family | None) -> CallSet:
    """Return the calls of a body; unpaired surrogates in it cost it nothing."""
    try:
        return read_calls(body, wanted)
    except NoCalls:
        repaired = repair_surrogates(body)
        if repaired == body:
            raise
        return read_calls(repaired, wanted)


def _taste(query: Query) -> Taste:
    return Taste(
        max_characters=query.number("max_characters", MAX_CHARACTERS, MOST_CHARACTERS),
        prefers_structured=query.word("structured", ("auto", "prefer")) == "prefer",
        has_image_message=query.word("images", ("attach", "message")) == "message",
    )


def _wants_events(request: web.BaseRequest) -> bool:
    """Say whether a client names event streams before anything else."""
    return request.headers.get("Accept", "").startswith(EVENT_STREAM)
