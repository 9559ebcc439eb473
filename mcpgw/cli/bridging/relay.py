"""What becomes of each message of the client, told apart one by one.

A modern request is a POST of its own; its cancellation closes the stream. Everything else belongs
to the legacy session. Every request gets exactly one answer, an error if need be, or none when the
client took it back. Nothing is sent twice but what was surely not executed, and `initialize`.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from mcpgw.cli.bridging.channel import (
    EVENT_STREAM,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    PATIENCE_S,
    Answer,
    Broken,
    Channel,
    Incoming,
)
from mcpgw.cli.bridging.lines import LineOutput
from mcpgw.cli.bridging.routing import ToolSchemas, modern_meta
from mcpgw.cli.bridging.session import INITIALIZED, LegacySession, Session, SessionGone
from mcpgw.cli.bridging.tasks import Tasks
from mcpgw.errors import GatewayError, HeadersRefused, ProtocolError, UpstreamTimeout
from mcpgw.protocol.header import encode_value
from mcpgw.protocol.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_REQUEST,
    Message,
    error_bytes,
    parse,
    raw_error_bytes,
    read_object,
    readable_id,
    request_bytes,
    text,
    write_object,
)
from mcpgw.protocol.line import TooLong
from mcpgw.web.errors import RPC_CODE

INITIALIZE = "initialize"
LIST_TOOLS = "tools/list"
LISTEN = "subscriptions/listen"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
CANCELLED = "notifications/cancelled"

MAX_PAGES = 100
"""Of a list of tools; no server of the field has that many."""

MAX_RESUMES = 5
"""How often in a row an answer is asked for again that says nothing new."""

OWN_ID = b'"mcpgw-bridge"'
"""Of the requests that the bridge makes itself; over HTTP it meets no other."""

BROKEN_OFF = (Broken, UpstreamTimeout)
"""What a stream may be resumed after."""

Key = bytes | str
"""A request's id, the same for all spellings of it: text, or the digits of a number."""


@dataclass(eq=False, slots=True)
class Exchange:
    """The requests of one POST. `waiting` holds those without an answer: raw ids by key.

    `has_begun` says whether anything came for the client, `unnamed` is an error that named no id.
    """

    method: str
    is_modern: bool
    waiting: dict[Key, bytes]
    can_learn: bool
    """Whether better headers may be found, if the ones that were sent are refused."""
    has_begun: bool = False
    unnamed: Raw | None = None
    task: asyncio.Task[None] | None = None


class Relay:
    """Takes the client's lines, and writes what comes back."""

    def __init__(self, channel: Channel, output: LineOutput, group: asyncio.TaskGroup) -> None:
        self._channel = channel
        self._output = output
        self._errands = Tasks(group)
        self._subscriptions = Tasks(group)
        self._session = LegacySession(channel, self._pass_on, Tasks(group))
        self._schemas = ToolSchemas()
        self._in_flight: dict[Key, Exchange] = {}

    async def take(self, line: bytes | TooLong) -> None:
        """Act on a line; what takes long goes on in the background."""
        if isinstance(line, TooLong):
            problem = "the message is too large; raise MCPGW_MAX_MESSAGE"
            await self._output.write(error_bytes(line.request_id, INVALID_REQUEST, problem))
            return
        line = line.strip()
        if not line:
            return
        try:
            found = parse(line)
        except ProtocolError as error:
            request_id = readable_id(line)
            await self._output.write(error_bytes(request_id, error.rpc_code, error.message))
            return
        messages = found if isinstance(found, list) else [found]
        if any(one.method is not None and one.id is not None for one in messages):
            self._start(line, messages)
        elif messages[0].method == INITIALIZED:
            # The one order that matters: no request may overtake it.
            await self._tell(line)
            self._session.listen()
        elif messages[0].method != CANCELLED or not self._take_back(messages[0]):
            self._errands.spawn(self._tell(line))

    async def finish(self, patience_s: float) -> None:
        """Wait for the answers that are under way, but not longer than that."""
        await self._errands.wait(patience_s)

    def stop(self) -> None:
        """End all that is under way; over modern HTTP that takes the requests back."""
        self._errands.cancel()
        self._subscriptions.cancel()
        self._session.stop()

    async def end(self) -> None:
        """Tell the gateway that the client is gone."""
        await self._session.end()

    def _start(self, line: bytes, messages: list[Message]) -> None:
        """Send a request, or a batch of the revision that had them."""
        first = messages[0]
        method = first.method or ""
        meta = modern_meta(first) if len(messages) == 1 else None
        is_modern = meta is not None
        ids = [bytes(one.id) for one in messages if one.method is not None and one.id is not None]
        waiting = {_key(one): one for one in ids}
        exchange = Exchange(method, is_modern, waiting, is_modern and method == "tools/call")
        tasks = self._errands
        if meta is None:
            work = partial(self._legacy, line, exchange)
        elif method == LISTEN:
            tasks = self._subscriptions
            headers = self._schemas.headers(method, first.params, meta)
            work = partial(self._listen, line, headers, exchange)
        else:
            work = partial(self._modern, line, first.params, meta, exchange)
        exchange.task = tasks.spawn(self._see_through(exchange, work))
        self._in_flight |= dict.fromkeys(waiting, exchange)
        exchange.task.add_done_callback(partial(self._forget, list(waiting), exchange))

    def _forget(self, keys: list[Key], exchange: Exchange, _: object) -> None:
        for key in keys:
            if self._in_flight.get(key) is exchange:
                del self._in_flight[key]

    async def _see_through(
        self, exchange: Exchange, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Let every request that `work` leaves waiting have an error for its answer."""
        try:
            await work()
        except GatewayError as error:
            code = RPC_CODE[error.code]
            if isinstance(error, ProtocolError):
                code = error.rpc_code
            problem = "; ".join(part for part in (error.message, error.hint) if part)
            for request_id in list(exchange.waiting.values()):
                await self._output.write(error_bytes(request_id, code, problem))

    def _take_back(self, message: Message) -> bool:
        """Drop what the client no longer wants; say whether nobody else need be told."""
        raw = message.params.get("requestId", Raw(b"null"))
        exchange = self._in_flight.get(_key(bytes(raw)))
        if exchange is None:
            return False
        exchange.waiting.pop(_key(bytes(raw)), None)
        if exchange.is_modern and exchange.task is not None:
            exchange.task.cancel()
        return exchange.is_modern

    async def _tell(self, line: bytes) -> None:
        """Post what has no answer. Without a session nobody could act on it."""
        session = self._session.current
        if session is None:
            return
        with suppress(GatewayError):  # Nothing can be answered to it.
            async with self._channel.open("POST", session.headers(), line):
                pass

    async def _legacy(self, line: bytes, exchange: Exchange) -> None:
        session = self._session.current
        if exchange.method == INITIALIZE or session is None:
            async with self._channel.open("POST", {}, line) as answer:
                await self._read(answer, exchange, initialize=line)
            return
        try:
            await self._post(line, session, exchange)
        except SessionGone:
            await self._post(line, await self._session.renew(session), exchange)

    async def _post(self, line: bytes, session: Session, exchange: Exchange) -> None:
        """Send a request in the session, and come back to its answer when that breaks off."""
        event_id, retry_s = None, 0.0
        try:
            async with self._channel.open("POST", session.headers(), line) as answer:
                if answer.status == 404 and session.id is not None:
                    raise SessionGone("the gateway does not know the session", "connect again")
                try:
                    await self._read(answer, exchange)
                finally:
                    event_id, retry_s = answer.last_event_id, answer.retry_s
        except BROKEN_OFF as error:
            if event_id is None:
                raise
            await self._resume(session, event_id, retry_s, exchange, error)

    async def _resume(
        self,
        session: Session,
        event_id: str,
        retry_s: float,
        exchange: Exchange,
        error: GatewayError,
    ) -> None:
        """Ask for the rest of an answer. Raises `error` when it cannot be had."""
        headers = {**session.headers(), "Accept": EVENT_STREAM}
        attempts = 0
        while attempts < MAX_RESUMES:
            await asyncio.sleep(retry_s)
            headers["Last-Event-ID"] = encode_value(event_id)
            attempts += 1
            with suppress(*BROKEN_OFF):
                async with self._channel.open("GET", headers) as answer:
                    if not answer.is_stream:
                        break
                    try:
                        await self._read(answer, exchange)
                        return
                    finally:
                        if answer.last_event_id not in (None, event_id):
                            event_id, attempts = answer.last_event_id, 0
        raise error

    async def _modern(
        self, line: bytes, params: Mapping[str, Raw], meta: dict[str, Raw], exchange: Exchange
    ) -> None:
        for _ in range(2):
            headers = self._schemas.headers(exchange.method, params, meta)
            try:
                async with self._channel.open("POST", headers, line) as answer:
                    await self._read(answer, exchange)
                return
            except HeadersRefused:
                exchange.can_learn = False
                await self._learn(meta)

    async def _learn(self, meta: dict[str, Raw]) -> None:
        """Ask for the tools, to learn which of their arguments travel in headers."""
        own_meta = {name: value for name, value in meta.items() if name != "progressToken"}
        params: dict[str, bytes | Raw] = {"_meta": write_object(own_meta)}
        headers = self._schemas.headers(LIST_TOOLS, {}, meta)
        with suppress(GatewayError):  # Then the call is refused once more, and that is the answer.
            for _ in range(MAX_PAGES):
                body = request_bytes(OWN_ID, LIST_TOOLS, write_object(params))
                _, result = await self._channel.ask(headers, body)
                self._schemas.learn(result)
                cursor = read_object(result).get("nextCursor")
                if cursor is None or text(cursor) is None:
                    return
                params["cursor"] = cursor

    async def _listen(self, line: bytes, headers: dict[str, str], exchange: Exchange) -> None:
        """Keep a subscription: once acknowledged it outlives the gateway's absence."""
        patience_s, pause_s = PATIENCE_S, FIRST_PAUSE_S
        while True:
            try:
                async with self._channel.open("POST", headers, line, patience_s) as answer:
                    await self._read(answer, exchange)
                return
            except BROKEN_OFF:
                if not exchange.has_begun:
                    raise
            patience_s = math.inf
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _read(self, answer: Answer, exchange: Exchange, initialize: bytes = b"") -> None:
        """Write what came for the client; `initialize` is the request that opens a session.

        Raises:
            GatewayError: an answer is missing.
            HeadersRefused: they were, and other headers may do.
        """
        async for incoming in answer.messages():
            message = incoming.message
            if message.method is not None:
                is_repeated = exchange.has_begun and message.method == ACKNOWLEDGED
                exchange.has_begun = True
                if not is_repeated:
                    await self._output.write(incoming.raw)
                continue
            await self._take_answer(incoming, answer, exchange, initialize)
            if answer.is_stream and not exchange.waiting:
                await answer.drain()
                return
        if exchange.unnamed is not None:
            for request_id in list(exchange.waiting.values()):
                await self._output.write(raw_error_bytes(request_id, exchange.unnamed))
        elif exchange.waiting:
            raise answer.refusal()

    async def _take_answer(
        self, incoming: Incoming, answer: Answer, exchange: Exchange, initialize: bytes
    ) -> None:
        message = incoming.message
        if exchange.can_learn and error_code(message) == HEADER_MISMATCH:
            raise HeadersRefused("the gateway found our headers at odds with the call")
        if message.id is None:
            exchange.unnamed = message.error
            return
        if exchange.waiting.pop(_key(bytes(message.id)), None) is None:
            return  # Nobody asked that, or nobody wants to know any more.
        if message.result is not None and exchange.method == INITIALIZE:
            self._session.begin(initialize, answer.session_id, message.result)
        elif message.result is not None and exchange.method == LIST_TOOLS:
            self._schemas.learn(message.result)
        await self._output.write(incoming.raw)

    async def _pass_on(self, incoming: Incoming) -> None:
        """Write what belongs to no request; an answer there would be nobody's."""
        if incoming.message.method is not None:
            await self._output.write(incoming.raw)


class _Error(msgspec.Struct):
    """What is looked at in an error."""

    code: int


def error_code(message: Message) -> int | None:
    """Return the code of an error, None when there is no well-formed one."""
    try:
        return (
            None if message.error is None else msgspec.json.decode(message.error, type=_Error).code
        )
    except (ValueError, RecursionError):
        return None


def _key(raw: bytes) -> Key:
    return text(raw) or raw
