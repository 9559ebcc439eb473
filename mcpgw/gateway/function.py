"""Function calling: a workspace's tools for applications that speak to models, not MCP.

Their calls are tools/call like any other: policy, limits, revocation and the journal are those of
`call.py`. Here several run side by side for one body, each within a time, and every one of them
has an outcome, whatever becomes of the others.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec
from msgspec import Raw

from mcpgw.errors import (
    GatewayError,
    InvalidInput,
    Limited,
    ProtocolError,
    StorageError,
    Unauthenticated,
)
from mcpgw.formats.answer import TOOL_ERROR, Done
from mcpgw.formats.arguments import fitted
from mcpgw.formats.call import FunctionCall
from mcpgw.formats.tool import ToolSpec, UnreadableTool, read_tool
from mcpgw.gateway.access import Admission
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.gateway.ports import Clock
from mcpgw.model.audit import Outcome, Surface
from mcpgw.model.tool_class import ToolClass
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES, NEWEST_MODERN, Era
from mcpgw.protocol.input_required import INPUT_REQUIRED, read_input_required
from mcpgw.protocol.jsonrpc import INVALID_PARAMS
from mcpgw.protocol.request import Call

SIDE_BY_SIDE = 8
"""Calls of one body that run at the same time."""

CALL_S = 55.0
"""How long one call may take: less than the minute that proxies wait."""

ALL_CALLS_S = 300.0
"""How long all calls of one body may take together."""

ASKABLE = Raw(b'{"elicitation":{"form":{},"url":{}}}')
"""What an application can be asked for that says that it takes questions."""

PROGRESS_TOKEN = b'"call"'

TIMED_OUT = "upstream_timeout"
NEEDS_INPUT = "input_required"
INVALID_ARGUMENTS = "invalid_arguments"

REFUSED = {Limited.code: "rate_limited", StorageError.code: "unavailable"}
"""What is said of a call that got no answer, by the code of the error."""

ENDED = {
    Outcome.TOOL_ERROR: TOOL_ERROR,
    Outcome.TIMEOUT: TIMED_OUT,
    Outcome.UPSTREAM_ERROR: "upstream_unavailable",
    Outcome.DENIED: "tool_not_found",
}
"""What is said of a call that failed, by what the journal says of it."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends function calls: what its program calls itself, and where it is."""

    name: str
    version: str
    address: str


class Watcher(Protocol):
    """Is told of calls while they go on."""

    async def started(self, call: FunctionCall) -> None:
        """Take note that a call begins."""

    async def progressed(self, call: FunctionCall, message: bytes) -> None:
        """Take a notification of a call's server: raw JSON-RPC."""

    async def completed(self, done: Done) -> None:
        """Take the outcome of a call."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the calls of one body are made, and through which door they came.

    `takes_questions` says that the application can be asked for input, and takes up a call again
    with it.
    """

    sender: Sender
    surface: Surface = Surface.FUNCTION
    is_parallel: bool = True
    takes_questions: bool = False
    watcher: Watcher | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A tool as MCP clients are told of it (raw), whose it is, and what it does."""

    item: bytes
    server: str
    kind: ToolClass


@dataclass(frozen=True, slots=True)
class Visible:
    """The tools that somebody sees, by exposed name."""

    tools: Mapping[str, Written]

    @property
    def digest(self) -> bytes:
        """Return the same few bytes for the same tools."""
        rows = sorted((one.item, one.server, one.kind) for one in self.tools.values())
        return hashlib.sha256(repr(rows).encode()).digest()

    def read(self) -> tuple[Sequence[ToolSpec], Sequence[tuple[str, str]]]:
        """Return the tools by name in order, and the names of those that cannot be shown, and why.

        By name, so that a server that lists in another order changes nothing for anybody.
        """
        tools, unreadable = [], []
        for name, one in sorted(self.tools.items()):
            try:
                tools.append(read_tool(one.item, one.server, one.kind))
            except UnreadableTool as error:
                unreadable.append((name, str(error)))
        return tools, unreadable


class _Error(msgspec.Struct, frozen=True):
    message: str


class _Response(msgspec.Struct):
    """The answer to a request: one of the two."""

    result: Raw = Raw(b"")
    error: _Error = _Error("")


class _Asking(msgspec.Struct):
    """What is looked at in a question's parameters."""

    message: str = ""


_decode_response = msgspec.json.Decoder(_Response).decode
_decode_asking = msgspec.json.Decoder(_Asking).decode


class Functions:
    """Lists tools for models, and makes their calls."""

    def __init__(
        self, dispatcher: Dispatcher, listings: Listings, ongoing: Ongoing, clock: Clock
    ) -> None:
        self._dispatcher = dispatcher
        self._listings = listings
        self._ongoing = ongoing
        self._clock = clock

    async def tools(self, admission: Admission) -> Visible:
        """Return the tools that somebody sees: those that an MCP client would.

        Raises:
            Unauthenticated: the token ended meanwhile.
            StorageError: the configuration cannot be read.
        """
        whole = await self._listings.offer(admission.configuration, admission.workspace)
        await self._ongoing.check(admission)
        offer = whole.seen_by(admission.principal)
        items = offer.listed("tools/list", NEWEST_MODERN)
        return Visible(
            {
                name: Written(items[name], target.reach.server.name, target.classed.kind)
                for name, target in offer.tools.items()
                if target.classed is not None
            }
        )

    async def run(
        self, admission: Admission, calls: Sequence[FunctionCall], manner: Manner
    ) -> Sequence[Done]:
        """Make all calls of one body; every one has an outcome, in the order given.

        Raises:
            Unauthenticated: the token ended meanwhile; nothing may be said any more.
            Limited: the token called too often, so that none of the calls was made.
            StorageError: none of the calls can be recorded.
        """
        outcomes = await self._outcomes(admission, calls, manner)
        errors = [one for one in outcomes if isinstance(one, GatewayError)]
        ended = [one for one in errors if isinstance(one, Unauthenticated)]
        if ended or (errors and len(errors) == len(outcomes)):
            raise (*ended, *errors)[0]
        return [
            one if isinstance(one, Done) else _refused(call, one)
            for call, one in zip(calls, outcomes, strict=True)
        ]

    async def _outcomes(
        self, admission: Admission, calls: Sequence[FunctionCall], manner: Manner
    ) -> Sequence[Done | GatewayError]:
        ends_ns = self._clock.monotonic_ns() + int(ALL_CALLS_S * 1e9)
        if len(calls) == 1:
            return [await self._run(admission, calls[0], manner, ends_ns)]
        places = asyncio.Semaphore(SIDE_BY_SIDE if manner.is_parallel else 1)

        async def in_turn(call: FunctionCall) -> Done | GatewayError:
            async with places:
                return await self._run(admission, call, manner, ends_ns)

        async with asyncio.TaskGroup() as group:
            running = [group.create_task(in_turn(call)) for call in calls]
        return [task.result() for task in running]

    async def _run(
        self, admission: Admission, call: FunctionCall, manner: Manner, ends_ns: int
    ) -> Done | GatewayError:
        """Make one call; returns the error that withholds its answer, if one does."""
        left_s = min(CALL_S, (ends_ns - self._clock.monotonic_ns()) / 1e9)
        if left_s <= 0:
            problem = f"not run: the {ALL_CALLS_S:.0f} s for all calls of one request are over"
            return Done(call, code=TIMED_OUT, problem=problem)
        if call.is_custom:
            return Done(call, code=ENDED[Outcome.DENIED], problem="no such tool is served here")
        begun_ns = self._clock.monotonic_ns()
        errand = _Errand(call)
        if manner.watcher is not None:
            await manner.watcher.started(call)
        try:
            async with asyncio.timeout(left_s):
                done = await self._answered(admission, errand, manner)
        except TimeoutError:
            problem = f"no answer within {left_s:.0f} s; what the tool did by then stands"
            done = Done(call, code=TIMED_OUT, problem=problem)
        except ProtocolError as error:
            done = Done(call, code=NEEDS_INPUT, problem=f"needs user input: {error.message}")
        except (Limited, StorageError, Unauthenticated) as error:
            return error
        duration_ms = (self._clock.monotonic_ns() - begun_ns) // 1_000_000
        done = errand.finished(done, duration_ms)
        if manner.watcher is not None:
            await manner.watcher.completed(done)
        return done

    async def _answered(self, admission: Admission, errand: "_Errand", manner: Manner) -> Done:
        """Return what the dispatcher says to one call."""
        call = errand.call
        asked = _asked(admission, errand, manner)
        response = _decode_response(await self._dispatcher.answer(asked))
        result = bytes(response.result)
        if not result:
            return Done(call, code=errand.code or "upstream_error", problem=response.error.message)
        asked_for = _questions(result) if INPUT_REQUIRED in result else None
        if asked_for is not None:
            problem = f"needs user input: {asked_for}"
            return Done(call, code=NEEDS_INPUT, problem=problem, questions=result)
        return Done(call, result=result, code=errand.code)


class _Errand:
    """One call's arguments on their way in, and what the journal says of it on the way out."""

    def __init__(self, call: FunctionCall) -> None:
        self.call = call
        self.code = ""
        self._server = ""
        self._has_output = False

    def fit(self, item: Mapping[str, Raw], params: Mapping[str, Raw]) -> dict[str, Raw]:
        """Return the parameters with the arguments as the tool takes them."""
        self._has_output = "outputSchema" in item
        try:
            arguments = fitted(bytes(item.get("inputSchema", Raw(b"{}"))), self.call.arguments)
        except InvalidInput as error:
            self.code = INVALID_ARGUMENTS
            raise ProtocolError(f"{error.message}; {error.hint}", INVALID_PARAMS) from None
        return {**params, "arguments": Raw(arguments)}

    def ended(self, server: str, outcome: Outcome, error_class: str) -> None:
        """Take note of how the call ended."""
        self._server = server
        if error_class != "rpc_error":
            self.code = self.code or ENDED.get(outcome, "")

    def finished(self, done: Done, duration_ms: int) -> Done:
        """Return the outcome with what is known of the call besides."""
        return replace(
            done, server=self._server, duration_ms=duration_ms, has_output=self._has_output
        )


def _asked(admission: Admission, errand: _Errand, manner: Manner) -> Asked:
    """Return a call as a modern MCP client would make it."""
    call, watcher, send = errand.call, manner.watcher, None
    if watcher is not None:

        async def send(message: bytes) -> None:
            await watcher.progressed(call, message)

    request = Call(
        era=Era.MODERN,
        version=NEWEST_MODERN,
        id=b"1",
        method="tools/call",
        params={"name": Raw(msgspec.json.encode(call.name)), **call.resumption},
        meta={META_CLIENT_CAPABILITIES: ASKABLE} if manner.takes_questions else {},
        session_id=None,
        client_name=manner.sender.name,
        progress_token=None if send is None else PROGRESS_TOKEN,
        size=len(call.arguments),
    )
    sender = manner.sender
    return Asked(
        request,
        admission,
        NEWEST_MODERN,
        sender.name,
        sender.address,
        send,
        errand=errand,
        client_version=sender.version,
        surface=manner.surface,
    )


def _questions(result: bytes) -> str | None:
    """Return what a result asks a person for, None when it is a result of another kind."""
    found = read_input_required(Raw(result))
    if found is None:
        return None
    said = [_decode_asking(one.params).message or one.method for one in found.questions.values()]
    return " ".join(said) or "the server waits for something"


def _refused(call: FunctionCall, error: GatewayError) -> Done:
    """Return the outcome of a call that an error kept from having an answer."""
    return Done(call, code=REFUSED[error.code], problem=error.message)
