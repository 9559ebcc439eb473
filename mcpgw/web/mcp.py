"""The MCP endpoint: POST, GET and DELETE of `/ws/<slug>`, for clients of both eras.

Reads the request, classifies it, hands it to the dispatcher, and writes the answer as JSON or, once
a server sends progress or takes long, as an event stream. Decides nothing itself.
"""

import asyncio

from aiohttp import web

from mcpgw.errors import Cancelled, GatewayError, InvalidInput, NotFound, ProtocolError
from mcpgw.gateway.access import Admission
from mcpgw.gateway.call import Asked
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.listing import Spawn
from mcpgw.protocol.era import ASSUMED_LEGACY, Era
from mcpgw.protocol.inbound import (
    Accepted,
    Batch,
    Call,
    Initialize,
    Rejection,
    SessionMessage,
    classify_other,
    classify_post,
)
from mcpgw.protocol.jsonrpc import INVALID_REQUEST, error_bytes
from mcpgw.protocol.legacy import session_version
from mcpgw.web.answer import Answer, Heart
from mcpgw.web.errors import PLAIN_HEADERS, json_response, rpc_error, rpc_error_response

BODY_TIME_S = 10.0
"""How long a body may take that did not come with its headers (security.md 3.6)."""

SESSION_HEADER = "Mcp-Session-Id"
"""Where a session's id travels."""


class McpEndpoint:
    """Serves MCP at a workspace's URL."""

    def __init__(self, dispatcher: Dispatcher, spawn: Spawn, max_body_bytes: int) -> None:
        self._dispatcher = dispatcher
        self._max_body_bytes = max_body_bytes
        self._heart = Heart(spawn)

    async def post(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Take one message, or a batch of the revision that had them."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        body = await read_body(request, self._max_body_bytes)
        inbound = classify_post(request.headers, body)
        if isinstance(inbound, Call):
            return await self._call(request, admission, inbound)
        if isinstance(inbound, Rejection):
            return _rejected(inbound)
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
        """End a session (DELETE), or say that there is no stream to GET."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        inbound = classify_other(request.method, request.headers)
        if isinstance(inbound, Rejection):
            return _rejected(inbound)
        try:
            self._dispatcher.end(admission, inbound.session_id)
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

    async def _call(
        self, request: web.BaseRequest, admission: Admission, call: Call
    ) -> web.StreamResponse:
        # MCP: leaving takes a modern request back, and means nothing to a legacy one.
        answer = Answer(request, self._heart, is_ended_by_leaving=call.era is Era.MODERN)
        try:
            asked = self._asked(request, admission, call, answer)
        except NotFound as error:
            return _no_session(error, call.id)
        except ProtocolError as error:
            return json_response(error_bytes(call.id, error.rpc_code, error.message), 400)
        try:
            with answer:
                response = await self._dispatcher.answer(asked)
        except Cancelled:
            return await answer.end_without_result()
        except GatewayError as error:
            if not answer.is_streaming:
                return rpc_error_response(error, call.id)
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
                asked = self._asked(request, admission, item, None)
                answers.append(await self._dispatcher.answer(asked))
            except Cancelled:
                continue
            except GatewayError as error:
                answers.append(rpc_error(error, item.id))
        if not answers:
            return web.Response(status=202, headers=PLAIN_HEADERS)
        return json_response(b"[" + b",".join(answers) + b"]")

    def _asked(
        self,
        request: web.BaseRequest,
        admission: Admission,
        call: Call,
        answer: Answer | None,
    ) -> Asked:
        """Join a call with what is known of its sender.

        Raises:
            NotFound: the session is not there.
            ProtocolError: the version header contradicts the session.
        """
        version, client_name = call.version, call.client_name
        if call.session_id is not None:
            session = self._dispatcher.resume(admission, call.session_id)
            version = session_version(session.version, call.version or None)
            client_name = session.client_name
        return Asked(
            call=call,
            admission=admission,
            version=version,
            client_name=client_name[:64],
            client_address=request.remote or "",
            deliver=answer.deliver if answer is not None and answer.can_stream else None,
        )


async def read_body(request: web.BaseRequest, max_body_bytes: int) -> bytes:
    """Return the body, refusing encodings and bodies that trickle in.

    Raises:
        InvalidInput: it is encoded or did not arrive in time.
        HTTPRequestEntityTooLarge: it is larger than `max_body_bytes`.
    """
    if "Content-Encoding" in request.headers:
        raise InvalidInput("an encoded request body is not accepted", "send it as it is")
    if request.content.is_eof():
        # It came with its headers, as most do: no need to wait in turns for its pieces.
        body = request.content.read_nowait()
        if len(body) > max_body_bytes:
            raise web.HTTPRequestEntityTooLarge(max_body_bytes, len(body))
        return body
    try:
        async with asyncio.timeout(BODY_TIME_S):
            return await request.read()
    except TimeoutError:
        raise InvalidInput("the request body did not arrive in time") from None


def _rejected(rejection: Rejection) -> web.Response:
    return json_response(rejection.body, rejection.status, dict(rejection.headers))


def _accepted(_: Accepted) -> web.Response:
    return web.Response(status=202, headers=PLAIN_HEADERS)


def _no_session(error: NotFound, request_id: bytes) -> web.Response:
    return json_response(error_bytes(request_id, INVALID_REQUEST, error.message), 404)
