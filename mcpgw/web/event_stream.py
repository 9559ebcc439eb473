"""The transport HTTP+SSE, for clients of the first revision.

A GET opens a stream and is told where to POST; everything, answers included, comes on that stream.
What connects the two is a random key that is known to the client alone and is good for its token
only. A conversation lives in memory and as long as its stream.
Source: MCP 2024-11-05, basic/transports, HTTP with SSE.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from mcpgw.errors import Cancelled, GatewayError
from mcpgw.gateway.access import Admission
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.feed import Feed
from mcpgw.gateway.ongoing import ENDED, Ongoing
from mcpgw.gateway.ports import Spawn
from mcpgw.model.audit import Surface
from mcpgw.protocol.inbound import classify_message
from mcpgw.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    UNAUTHENTICATED,
    error_bytes,
    readable_id,
)
from mcpgw.protocol.request import Call, Initialize, Rejection
from mcpgw.protocol.sse import encode
from mcpgw.web.body import read_body
from mcpgw.web.errors import PLAIN_HEADERS, json_response, rpc_error
from mcpgw.web.mcp import rejected
from mcpgw.web.peer import client_address
from mcpgw.web.stream import Stream, Streams

logger = logging.getLogger(__name__)

MAX_CALLS = 64
"""Requests of one conversation under way; a client of this revision has a few."""

MAX_CONVERSATIONS = 1024

INITIALIZED = "notifications/initialized"


class Conversation:
    """One client on this transport: its stream, and the session once it has one."""

    def __init__(self, dispatcher: Dispatcher, admission: Admission, stream: Stream) -> None:
        self.admission = admission
        self.session_id = ""
        self.farewell = b""
        self.calls_under_way = 0
        self._dispatcher = dispatcher
        self._stream = stream
        self._feed: Feed | None = None
        self._is_ended = False
        self._is_ready = asyncio.Event()

    def is_of(self, admission: Admission) -> bool:
        """Say whether it is the bearer of that token whose conversation this is."""
        return self.admission.principal.token_id == admission.principal.token_id

    async def send(self, message: bytes) -> None:
        """Write a message to the client; dropped when it is gone."""
        await self._stream.write(encode(message))

    def begin(self) -> None:
        """Tell of changes from now on: the client is ready for it."""
        self._is_ready.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await self._is_ready.wait()
        feed = None if self._is_ended else await self._open_feed()
        if feed is not None:
            async for message in feed:
                yield message

    def end(self) -> None:
        """Let there be no more messages."""
        self._is_ended = True
        self._is_ready.set()
        if self._feed is not None:
            self._feed.end()

    def refuse(self) -> None:
        """End with an error: the token is not valid any more."""
        self.farewell = error_bytes(None, UNAUTHENTICATED, ENDED)
        self.end()

    def close(self) -> None:
        """Note that the stream is over."""
        if self._feed is not None:
            self._feed.close()

    async def _open_feed(self) -> Feed | None:
        try:
            feed = await self._dispatcher.stream(self.admission, self.session_id)
        except GatewayError as error:
            # The status line has left: the client learns it by the end, and comes back.
            logger.info("a stream of the transport HTTP+SSE ends: %s", error.message)
            return None
        self._feed = feed
        if self._is_ended:
            feed.end()
        return feed


class EventStreamEndpoint:
    """Serves `/ws/<slug>/sse` and `/ws/<slug>/messages`."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        ongoing: Ongoing,
        streams: Streams,
        spawn: Spawn,
        max_body_bytes: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._ongoing = ongoing
        self._streams = streams
        self._spawn = spawn
        self._max_body_bytes = max_body_bytes
        self._conversations: dict[str, Conversation] = {}

    async def open(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Begin a conversation; it lasts as long as this request."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        if len(self._conversations) >= MAX_CONVERSATIONS:
            body = error_bytes(None, INTERNAL_ERROR, "too many clients on this transport")
            return json_response(body, 503)
        stream = Stream(request)
        conversation = Conversation(self._dispatcher, admission, stream)
        key = secrets.token_urlsafe(32)
        self._conversations[key] = conversation
        url = f"/ws/{admission.workspace.slug}/messages?session_id={key}"
        entry = self._ongoing.enter(admission, conversation.refuse)
        try:
            head = encode(url.encode(), "endpoint")
            return await self._streams.follow(stream, conversation, head=head)
        finally:
            entry.leave()
            del self._conversations[key]
            if conversation.session_id:
                with suppress(GatewayError):
                    await self._dispatcher.end(admission, conversation.session_id)

    async def post(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Take a message; what there is to say to it comes on the stream."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        conversation = self._conversations.get(request.query.get("session_id", ""))
        if conversation is None or not conversation.is_of(admission):
            return json_response(error_bytes(None, INVALID_REQUEST, "no such session"), 404)
        body = await read_body(request, self._max_body_bytes)
        inbound = classify_message(body, conversation.session_id)
        if isinstance(inbound, Rejection):
            if readable_id(inbound.body) is None:
                return rejected(inbound)
            await conversation.send(inbound.body)
        elif isinstance(inbound, Call | Initialize):
            if conversation.calls_under_way >= MAX_CALLS:
                problem = "too many requests are under way"
                await conversation.send(error_bytes(inbound.id, INTERNAL_ERROR, problem))
            else:
                conversation.calls_under_way += 1
                asked_from = client_address(request)
                self._spawn(self._answer(conversation, admission, inbound, asked_from))
        elif not conversation.session_id:
            return json_response(error_bytes(None, INVALID_REQUEST, "initialize first"), 400)
        elif inbound.message.method == INITIALIZED:
            conversation.begin()
        else:
            self._dispatcher.notice(admission, conversation.session_id, inbound.message)
        return web.Response(status=202, headers=PLAIN_HEADERS)

    async def _answer(
        self,
        conversation: Conversation,
        admission: Admission,
        asked: Call | Initialize,
        client_address: str,
    ) -> None:
        """Answer one request on the stream."""
        response = rpc_error(GatewayError("Internal error"), asked.id)
        try:
            if isinstance(asked, Initialize):
                response = await self._initialize(conversation, admission, asked)
            else:
                response = await self._call(conversation, admission, asked, client_address)
        except Cancelled:
            response = b""
        except GatewayError as error:
            response = rpc_error(error, asked.id)
        finally:
            if response:
                await conversation.send(response)
            conversation.calls_under_way -= 1

    async def _initialize(
        self, conversation: Conversation, admission: Admission, asked: Initialize
    ) -> bytes:
        if conversation.session_id:
            return error_bytes(asked.id, INVALID_REQUEST, "this session is initialized already")
        done = await self._dispatcher.initialize(admission, asked)
        conversation.session_id = done.session_id
        return done.response

    async def _call(
        self, conversation: Conversation, admission: Admission, call: Call, client_address: str
    ) -> bytes:
        if not conversation.session_id:
            return error_bytes(call.id, INVALID_REQUEST, "initialize first")
        session = self._dispatcher.resume(admission, conversation.session_id)
        asked = Asked(
            call=call,
            admission=admission,
            version=session.version,
            client_name=session.client_name,
            client_version=session.client_version,
            surface=Surface.EVENT_STREAM,
            client_address=client_address,
            send=conversation.send,
            session=session,
        )
        return await self._dispatcher.answer(asked)
