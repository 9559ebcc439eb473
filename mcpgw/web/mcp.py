"""The MCP endpoint: POST, GET and DELETE of `/ws/<slug>`, for clients of both eras.

Reads the request, classifies it, hands it to the dispatcher, and writes the answer as JSON or, once
a server sends progress or takes long, as an event stream. What belongs to no request comes on a
stream of its own: by GET in a legacy session, by `subscriptions/listen` in the modern era. Decides
nothing itself.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from mcpgw.errors import Cancelled, GatewayError, NotFound
from mcpgw.gateway.access import Admission
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.ports import Send
from mcpgw.gateway.session import Session
from mcpgw.protocol.era import ASSUMED_LEGACY, Era
from mcpgw.protocol.inbound import classify_other, classify_post
from mcpgw.protocol.jsonrpc import INVALID_REQUEST, error_bytes
from mcpgw.protocol.request import (
    Accepted,
    Batch,
    Call,
    Initialize,
    Rejection,
    SessionMessage,
    StreamOpen,
)
from mcpgw.protocol.sse import encode
from mcpgw.web.answer import Answer
from mcpgw.web.body import read_body
from mcpgw.web.errors import PLAIN_HEADERS, json_response, rpc_error, rpc_error_response
from mcpgw.web.peer import client_address
from mcpgw.web.replay import Marks, Replays, is_resumable, lost_answer
from mcpgw.web.stream import Stream, Streams

LISTEN = "subscriptions/listen"
"""The one request that is answered by a stream without an end of its own."""

SESSION_HEADER = "Mcp-Session-Id"
"""Where a session's id travels."""


Otherwise = Callable[[web.BaseRequest, Admission, bytes], Awaitable[web.StreamResponse | None]]
"""Answers a body that is no MCP, if it is something else."""


class McpEndpoint:
    """Serves MCP at a workspace's URL."""

    def __init__(
        self, dispatcher: Dispatcher, streams: Streams, max_body_bytes: int, otherwise: Otherwise
    ) -> None:
        self._dispatcher = dispatcher
        self._otherwise = otherwise
        self._streams = streams
        self._max_body_bytes = max_body_bytes
        self._replays = Replays()

    async def post(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Take one message, or a batch of the revision that had them."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        body = await read_body(request, self._max_body_bytes)
        inbound = classify_post(request.headers, body)
        if isinstance(inbound, Call):
            if inbound.method == LISTEN:
                return await self._listen(request, admission, inbound)
            return await self._call(request, admission, inbound)
        if isinstance(inbound, Rejection):
            return await self._otherwise(request, admission, body) or rejected(inbound)
        if isinstance(inbound, Initialize):
            return await self._initialize(admission, inbound)
        if isinstance(inbound, SessionMessage):
            return self._message(admission, inbound)
        if isinstance(inbound, Batch):
            return await self._batch(request, admission, inbound)
        return _accepted(inbound)

    async def other(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """End a session (DELETE), or open its stream (GET)."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        inbound = classify_other(request.method, request.headers)
        if isinstance(inbound, Rejection):
            return rejected(inbound)
        try:
            if isinstance(inbound, StreamOpen):
                return await self._stream(request, admission, inbound)
            await self._dispatcher.end(admission, inbound.session_id)
        except NotFound as error:
            return _no_session(error, b"null")
        return web.Response(status=204, headers=PLAIN_HEADERS)

    async def _initialize(self, admission: Admission, asked: Initialize) -> web.StreamResponse:
        try:
            done = await self._dispatcher.initialize(admission, asked)
        except GatewayError as error:
            return rpc_error_response(error, asked.id)
        return json_response(done.response, 200, {SESSION_HEADER: done.session_id})

    def _message(self, admission: Admission, inbound: SessionMessage) -> web.StreamResponse:
        try:
            self._dispatcher.notice(admission, inbound.session_id, inbound.message)
        except NotFound as error:
            return _no_session(error, b"null")
        return web.Response(status=202, headers=PLAIN_HEADERS)

    async def _stream(
        self, request: web.BaseRequest, admission: Admission, asked: StreamOpen
    ) -> web.StreamResponse:
        """Tell a legacy client what belongs to none of its requests, or go on where it left off.

        Raises:
            NotFound: the session is not there.
        """
        session = self._dispatcher.resume(admission, asked.session_id)
        stream = Stream(request)
        if not is_resumable(session.version):
            feed = await self._dispatcher.stream(admission, asked.session_id)
            return await self._streams.follow(stream, feed)
        reader = self._replays.resume(session.id, asked.last_event_id)
        if reader is not None:
            # What was kept are whole events, ids included.
            return await self._streams.follow(stream, reader, frame=bytes)
        lost = lost_answer(asked.last_event_id)
        if lost is not None:
            await stream.write(encode(lost))
            return stream.end()
        marks = Marks()
        feed = await self._dispatcher.stream(admission, asked.session_id)
        return await self._streams.follow(stream, feed, head=marks.priming, frame=marks.frame)

    async def _listen(
        self, request: web.BaseRequest, admission: Admission, call: Call
    ) -> web.StreamResponse:
        """Tell a modern client of changes until it leaves."""
        asked = _asked(request, admission, call, None, None)
        try:
            feed = await self._dispatcher.listen(asked)
        except GatewayError as error:
            return rpc_error_response(error, call.id, is_modern=True)
        return await self._streams.follow(Stream(request), feed)

    async def _call(
        self, request: web.BaseRequest, admission: Admission, call: Call
    ) -> web.StreamResponse:
        is_modern = call.era is Era.MODERN
        session, record = None, None
        try:
            if call.session_id is not None:
                session = self._dispatcher.resume(admission, call.session_id)
        except NotFound as error:
            return _no_session(error, call.id)
        if session is not None and is_resumable(session.version):
            record = partial(self._replays.start, session.id, call.id)
        # MCP: leaving takes a modern request back, and means nothing to a legacy one.
        answer = Answer(request, self._streams, is_ended_by_leaving=is_modern, record=record)
        send = answer.send if answer.can_stream else None
        try:
            with answer:
                asked = _asked(request, admission, call, send, session)
                response = await self._dispatcher.answer(asked)
        except Cancelled:
            return await answer.end_without_result()
        except GatewayError as error:
            if not answer.is_streaming:
                return rpc_error_response(error, call.id, is_modern=is_modern)
            response = rpc_error(error, call.id)
        return await answer.finish(response)

    async def _batch(
        self, request: web.BaseRequest, admission: Admission, batch: Batch
    ) -> web.StreamResponse:
        """Answer the requests of a batch one after the other, as one JSON array."""
        try:
            session = self._dispatcher.resume(admission, batch.session_id)
        except NotFound as error:
            return _no_session(error, b"null")
        if session.version != ASSUMED_LEGACY:
            message = f"the revision {session.version} has no batches"
            return json_response(error_bytes(None, INVALID_REQUEST, message), 400)
        answers = []
        for item in batch.items:
            if not isinstance(item, Call):
                self._dispatcher.notice(admission, batch.session_id, item.message)
                continue
            try:
                asked = _asked(request, admission, item, None, session)
                answers.append(await self._dispatcher.answer(asked))
            except Cancelled:
                continue
            except GatewayError as error:
                answers.append(rpc_error(error, item.id))
        if not answers:
            return web.Response(status=202, headers=PLAIN_HEADERS)
        return json_response(b"[" + b",".join(answers) + b"]")


def _asked(
    request: web.BaseRequest,
    admission: Admission,
    call: Call,
    send: Send | None,
    session: Session | None,
) -> Asked:
    """Join a call with what is known of its sender."""
    return Asked(
        call=call,
        admission=admission,
        version=session.version if session is not None else call.version,
        client_name=session.client_name if session is not None else call.client_name,
        client_version=session.client_version if session is not None else call.client_version,
        client_address=client_address(request),
        send=send,
        session=session,
    )


def rejected(rejection: Rejection) -> web.Response:
    """Return the answer to what cannot be served."""
    return json_response(rejection.body, rejection.status, dict(rejection.headers))


def _accepted(_: Accepted) -> web.Response:
    return web.Response(status=202, headers=PLAIN_HEADERS)


def _no_session(error: NotFound, request_id: bytes) -> web.Response:
    return json_response(error_bytes(request_id, INVALID_REQUEST, error.message), 404)
