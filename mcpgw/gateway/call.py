"""One call to a server: READ THIS FIRST.

tools/call, prompts/get, resources/read and completion/complete are one pipeline:

    1 decide     what the token may see of the workspace; how much it may call
    2 find       the name table knows the server and its own name for the target
    3 record     that the call goes to its server; only once that is committed does it
    4 relay      over the live connection, in the server's era: notifications and questions of the
                 server reach the client on the way (relay.py); secrets are opened as it sends
    5 translate  the result into the client's era; values pass verbatim
    6 record     how it ended; only once that is committed does the answer leave

A step that fails ends the call with its reason; step 6 comes always, except after a step 3 that
failed. The payload is in no record (recording.py).
A token that ends while its call runs ends the call: its result is withheld.
"""

import asyncio

import msgspec
from msgspec import Raw

from mcpgw.errors import (
    HeadersRefused,
    Limited,
    NotFound,
    ProtocolError,
    StorageError,
    Unauthenticated,
    UpstreamError,
    UpstreamTimeout,
    VaultLocked,
)
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.link import Links
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Offer, Target
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.gateway.ports import Clock
from mcpgw.gateway.recording import Passage, Recording
from mcpgw.gateway.relay import Relay, wanted_level
from mcpgw.gateway.session import Sessions
from mcpgw.model.audit import RATE_LIMITED, RPC_ERROR, Outcome, printable
from mcpgw.protocol.era import NAME_BEARING, Era
from mcpgw.protocol.exchange import Reply
from mcpgw.protocol.inbound import Call, check_param_headers
from mcpgw.protocol.jsonrpc import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MISSING_CAPABILITY,
    RESOURCE_NOT_FOUND,
    error_bytes,
    is_tool_error,
    raw_error_bytes,
    result_bytes,
    text,
)
from mcpgw.protocol.link import linked_uris
from mcpgw.protocol.rate_limit import says_limit_reached
from mcpgw.protocol.reference import referred
from mcpgw.protocol.translate import error_to_client, lacking_capability, result_to_client

STEERING = frozenset({HEADER_MISMATCH, MISSING_CAPABILITY})
"""Errors by which a modern client mends its request: they have an HTTP status of their own."""

REFUSALS = frozenset({HEADER_MISMATCH, INVALID_PARAMS})
"""Errors of our own about what the client sent: its server was not asked."""

WITHHELD = {
    Limited.code: Outcome.LIMITED,
    Unauthenticated.code: Outcome.REVOKED,
    StorageError.code: Outcome.WITHHELD,
}
"""How a call ends whose token may not, may not any more, or perhaps may not have its result."""

NO_COMPLETIONS = Raw(b'{"completion":{"values":[]}}')


class Calls:
    """Forwards calls to servers, each with its row in the journal."""

    def __init__(
        self,
        listings: Listings,
        relay: Relay,
        sessions: Sessions,
        ongoing: Ongoing,
        recording: Recording,
        clock: Clock,
        *,
        identity: bytes,
    ) -> None:
        self._listings = listings
        self._relay = relay
        self._sessions = sessions
        self._links = Links()
        self._ongoing = ongoing
        self._recording = recording
        self._clock = clock
        self._identity = identity

    async def forward(self, asked: Asked) -> bytes:
        """Carry out one call and return the JSON-RPC response, its rows being committed.

        Raises:
            ProtocolError: the headers or the capabilities of a modern client do not fit the call.
            Limited: the token called too often.
            Unauthenticated: the token ended while the call ran.
            StorageError: the journal cannot be written, or it cannot be known whether the token is
                valid; the call is not made, or its answer withheld.
        """
        passage = self._recording.open(asked, _exposed_name(asked.call))
        is_over = False
        try:
            answer = await self._carry_out_within_rights(asked, passage)
            is_over = True
        except asyncio.CancelledError:
            passage.outcome, passage.error_class = Outcome.CANCELLED, "cancelled"
            raise
        finally:
            if asked.errand is not None:
                asked.errand.ended(passage.server, passage.outcome, passage.error_class)
            if not is_over:
                self._recording.end_unseen(asked, passage)
        if not passage.is_refused:
            await self._recording.end(asked, passage)
        if passage.refusal is not None:
            try:
                raise passage.refusal
            finally:
                # Its traceback leads back to the passage: a flood would leave the collector a heap.
                passage.refusal = None
        return answer

    async def _carry_out_within_rights(self, asked: Asked, passage: Passage) -> bytes:
        """Run the steps as often, and as long, as the token may; empty when that is refused."""
        try:
            return await self._ongoing.call(
                asked.admission, lambda: self._carry_out(asked, passage)
            )
        except (Limited, Unauthenticated, StorageError) as error:
            passage.outcome, passage.error_class = WITHHELD[error.code], error.code
            passage.result = b""
            passage.refusal = error
            return b""

    async def _carry_out(self, asked: Asked, passage: Passage) -> bytes:
        """Run the steps; a failure becomes the client's answer and the row's outcome."""
        call = asked.call
        try:
            try:
                reply, era, target = await self._attempt(asked, passage)
            except HeadersRefused:
                # The tool's marks changed since it was listed: nothing was executed yet.
                passage.retries += 1
                await self._listings.refresh(asked.admission.workspace, passage.server_id, call.era)
                reply, era, target = await self._attempt(asked, passage)
            return self._answer(asked, passage, target, reply, era)
        except NotFound as error:
            passage.outcome = Outcome.DENIED
            passage.error_class = passage.rule or error.code
            is_resource = call.method == "resources/read" and call.era is Era.LEGACY
            code = RESOURCE_NOT_FOUND if is_resource else INVALID_PARAMS
            return error_bytes(call.id, code, error.message, _data(asked, passage))
        except ProtocolError as error:
            passage.error_class = str(error.rpc_code)
            if error.rpc_code in REFUSALS:
                passage.outcome = Outcome.DENIED
            if call.era is Era.MODERN and error.rpc_code in STEERING:
                passage.refusal = error
            return error_bytes(call.id, error.rpc_code, error.message, error.data)
        except (UpstreamError, VaultLocked) as error:
            is_late = isinstance(error, UpstreamTimeout)
            passage.outcome = Outcome.TIMEOUT if is_late else Outcome.UPSTREAM_ERROR
            passage.error_class = error.code
            if isinstance(error, UpstreamError):
                passage.upstream_status = error.status
            return self._failure(asked, error.message)

    async def _attempt(self, asked: Asked, passage: Passage) -> tuple[Reply, Era, Target]:
        """Decide, find, record and relay."""
        admission = asked.admission
        whole = await self._listings.offer(
            admission.configuration, admission.workspace, asked.call.era
        )
        offer = whole.seen_by(admission.principal)
        target = self._find(asked, offer, passage.exposed)
        if target is None:
            raise self._not_found(asked, passage, whole, offer)
        server = target.reach.server
        passage.server_id, passage.server = server.id, server.name
        passage.original = target.name
        _check_headers(asked, target)
        asked = asked.fitted(target.item)
        await self._recording.begin(asked, passage)
        if asked.call.method == "completion/complete" and not offer.completes(server.id):
            return Reply(NO_COMPLETIONS, None), Era.LEGACY, target
        is_named = len(offer.shares) > 1
        reply, era = await self._relayed(asked, passage, target, is_named=is_named)
        return reply, era, target

    async def _relayed(
        self, asked: Asked, passage: Passage, target: Target, *, is_named: bool
    ) -> tuple[Reply, Era]:
        """Ask the server, and note what that took."""
        level = self._log_level(asked)
        server_id = target.reach.server.id
        starts, asked_ns = self._relay.starts(server_id), self._clock.monotonic_ns()
        traced = passage.span.to_server()
        if traced:
            asked = asked.with_meta(traced)
        try:
            return await self._relay.exchange(asked, target, log_level=level, is_named=is_named)
        finally:
            passage.upstream_ns += self._clock.monotonic_ns() - asked_ns
            passage.span.back()
            passage.restarts += max(0, self._relay.starts(server_id) - starts)

    def _log_level(self, asked: Asked) -> str:
        """Return the least level of log messages that the client wants, empty if it never said."""
        if asked.session is not None:
            return self._sessions.state(asked.session).log_level
        return wanted_level(asked)

    def _find(self, asked: Asked, offer: Offer, exposed: str) -> Target | None:
        method = asked.call.method
        if method == "completion/complete":
            is_prompt, _ = referred(asked.call.params)
            target = offer.find("prompts/get", exposed) if is_prompt else offer.template(exposed)
        else:
            target = offer.find(method, exposed)
        if target is None and method == "resources/read":
            token_id = asked.admission.principal.token_id
            target = offer.linked(self._links.server_of(token_id, exposed), exposed)
        return target

    def _not_found(self, asked: Asked, passage: Passage, whole: Offer, offer: Offer) -> NotFound:
        """Return what a client is told of what is not there, or not there for it: the same.

        The journal knows better.
        """
        method, exposed = asked.call.method, passage.exposed
        hidden = self._find(asked, whole, exposed) if whole is not offer else None
        if hidden is not None:
            server = hidden.reach.server
            passage.server_id, passage.server = server.id, server.name
            passage.original = hidden.name
            is_named = method in ("tools/call", "prompts/get")
            name = exposed if is_named else ""
            rule = whole.decide(asked.admission.principal, hidden, name).rule
            passage.rule = f"policy_{rule}"
        kind = {"tools/call": "tool", "prompts/get": "prompt"}.get(method, "resource")
        missing = "".join(f"; {name} is unavailable: {why}" for name, why in offer.problems.items())
        return NotFound(f"no {kind} {printable(exposed)!r} in this workspace{missing}")

    def _answer(
        self, asked: Asked, passage: Passage, target: Target, reply: Reply, era: Era
    ) -> bytes:
        """Return the response that carries a server's reply, which is written in that era."""
        call = asked.call
        passage.redactions = reply.redactions
        if reply.result is None:
            error = reply.error or Raw(b"{}")
            passage.error_class = RATE_LIMITED if says_limit_reached(error) else RPC_ERROR
            passage.upstream_status = reply.status
            passage.refusal = lacking_capability(error) if call.era is Era.MODERN else None
            return raw_error_bytes(
                call.id, error_to_client(error, client_era=call.era, method=call.method)
            )
        is_failed = call.method == "tools/call" and is_tool_error(reply.result)
        result = self._to_client(asked, reply.result, era, target.has_object_output)
        self._links.remember(
            asked.admission.principal.token_id, linked_uris(reply.result), target.reach.server.id
        )
        passage.outcome = Outcome.TOOL_ERROR if is_failed else Outcome.OK
        passage.error_class = RATE_LIMITED if is_failed and says_limit_reached(result) else ""
        passage.result = result
        return result_bytes(call.id, result)

    def _failure(self, asked: Asked, message: str) -> bytes:
        """Tell why a server could not be asked: a model reads it as the tool's failure."""
        if asked.call.method != "tools/call":
            return error_bytes(asked.call.id, INTERNAL_ERROR, message)
        result = {"content": [{"type": "text", "text": message}], "isError": True}
        raw = Raw(msgspec.json.encode(result))
        return result_bytes(asked.call.id, self._to_client(asked, raw, Era.LEGACY, True))

    def _to_client(
        self, asked: Asked, result: Raw, upstream_era: Era, has_object_output: bool
    ) -> bytes:
        return result_to_client(
            result,
            method=asked.call.method,
            upstream_era=upstream_era,
            client_era=asked.call.era,
            client_version=asked.version,
            server_info=self._identity,
            has_object_output=has_object_output,
        )


def _exposed_name(call: Call) -> str:
    """Return what the client names, empty when it names nothing."""
    parameter = NAME_BEARING.get(call.method)
    if parameter is None:
        return referred(call.params)[1]
    return text(call.params.get(parameter, Raw(b"null"))) or ""


def _check_headers(asked: Asked, target: Target) -> None:
    """Hold a modern tools/call's `Mcp-Param-*` headers against its arguments.

    Raises:
        ProtocolError: -32020, they differ.
    """
    call = asked.call
    if call.headers is None or not target.asks_for_headers:
        return
    schema = target.item["inputSchema"]
    rejection = check_param_headers(call.headers, schema, call.params.get("arguments"), call.id)
    if rejection is not None:
        message = "a header contradicts the arguments, or is missing"
        raise ProtocolError(message, HEADER_MISMATCH)


def _data(asked: Asked, passage: Passage) -> bytes | None:
    """Return what the error for an unknown resource says beside its message."""
    if asked.call.method != "resources/read":
        return None
    return msgspec.json.encode({"uri": passage.exposed})
