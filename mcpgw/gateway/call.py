"""One call to a server: READ THIS FIRST.

tools/call, prompts/get, resources/read and completion/complete are one pipeline:

    1 find       the name table knows the server and its own name for the target
    2 decide     the policy, from memory
    3 connect    the live connection of the server, made at need; secrets are opened as it sends
    4 translate  the parameters into the server's era; values pass verbatim
    5 exchange   send, relay notifications, wait for the result
    6 translate  the result into the client's era
    7 record     the journal row is committed; only then does the answer leave

A step that fails ends the call with its reason; step 7 comes always. The payload is in no record.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from mcpgw.errors import (
    Forbidden,
    NotFound,
    ProtocolError,
    UpstreamError,
    UpstreamTimeout,
    VaultLocked,
)
from mcpgw.gateway.access import Admission
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Offer, Target
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Deliver, Journal, Upstream, Upstreams
from mcpgw.model.audit import AuditEvent, CallIds, Outcome, printable
from mcpgw.model.policy import Action
from mcpgw.protocol.era import NAME_BEARING, Era
from mcpgw.protocol.exchange import Notification, Outgoing, Reply
from mcpgw.protocol.inbound import Call
from mcpgw.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    error_bytes,
    is_tool_error,
    raw_error_bytes,
    read_object,
    result_bytes,
    text,
    write_object,
)
from mcpgw.protocol.translate import (
    error_to_client,
    params_to_upstream,
    progress_to_client,
    result_to_client,
)

NO_CAPABILITIES = b"{}"
"""What we tell servers the client can do, as long as their requests to it are not relayed."""


class Asked(msgspec.Struct, frozen=True):
    """A client's request with all that is known of who sent it.

    `version` is the revision agreed on. `deliver` takes notifications for the client; None when it
    cannot take any.
    """

    call: Call
    admission: Admission
    version: str
    client_name: str
    client_address: str
    deliver: Deliver | None


@dataclass(slots=True)
class _Passage:
    """What is known of a call so far: its journal row comes from here, however it ends."""

    exposed: str
    server_id: str = ""
    server: str = ""
    original: str = ""
    outcome: Outcome = Outcome.UPSTREAM_ERROR
    error_class: str = "internal"
    result_bytes: int = 0


class Calls:
    """Forwards calls to servers, each with its row in the journal."""

    def __init__(
        self,
        listings: Listings,
        upstreams: Upstreams,
        journal: Journal,
        clock: Clock,
        *,
        identity: bytes,
        call_timeout_s: float,
    ) -> None:
        self._listings = listings
        self._upstreams = upstreams
        self._journal = journal
        self._clock = clock
        self._identity = identity
        self._call_timeout_s = call_timeout_s
        self._call_ids = CallIds(secrets.token_bytes(3))

    async def forward(self, asked: Asked) -> bytes:
        """Carry out one call and return the JSON-RPC response, its row being committed.

        Raises:
            StorageError: the journal cannot be written; the answer is withheld.
        """
        started_at = self._clock.now()
        begun_ns = self._clock.monotonic_ns()
        passage = _Passage(exposed=_exposed_name(asked.call))
        answer = b""
        try:
            answer = await self._carry_out(asked, passage)
        except asyncio.CancelledError:
            passage.outcome, passage.error_class = Outcome.CANCELLED, "cancelled"
            raise
        finally:
            duration_us = (self._clock.monotonic_ns() - begun_ns) // 1000
            written = self._journal.record(self._row(asked, passage, started_at, duration_us))
            if not answer:
                # Nobody waits for the row of a call that ends without an answer.
                written.add_done_callback(_look_at)
        await written
        return answer

    async def _carry_out(self, asked: Asked, passage: _Passage) -> bytes:
        """Run the steps; a failure becomes the client's answer and the row's outcome."""
        call = asked.call
        try:
            target = await self._find(asked, passage.exposed)
            server = target.reach.server
            passage.server_id, passage.server = server.id, server.name
            passage.original = target.name
            require(asked.admission.principal, Action.USE, server.workspace_id)
            upstream = await self._upstreams.connect(
                server, target.reach.fingerprint, target.reach.fill
            )
            reply = await self._exchange(upstream, asked, target)
            return self._answer(upstream, asked, passage, reply)
        except (NotFound, Forbidden) as error:
            passage.outcome, passage.error_class = Outcome.DENIED, error.code
            return error_bytes(call.id, INVALID_PARAMS, error.message)
        except ProtocolError as error:
            passage.error_class = str(error.rpc_code)
            return error_bytes(call.id, error.rpc_code, error.message, error.data)
        except (UpstreamError, VaultLocked) as error:
            is_late = isinstance(error, UpstreamTimeout)
            passage.outcome = Outcome.TIMEOUT if is_late else Outcome.UPSTREAM_ERROR
            passage.error_class = error.code
            return self._failure(asked, error.message)

    async def _find(self, asked: Asked, exposed: str) -> Target:
        admission = asked.admission
        offer = await self._listings.offer(admission.configuration, admission.workspace)
        method = asked.call.method
        if method == "completion/complete":
            target = _completed_by(offer, asked.call.params, exposed)
        else:
            target = offer.find(method, exposed)
        if target is not None:
            return target
        kind = {"tools/call": "tool", "prompts/get": "prompt"}.get(method, "resource")
        missing = "".join(f"; {name} is unavailable: {why}" for name, why in offer.problems.items())
        raise NotFound(f"no {kind} {printable(exposed)!r} in this workspace{missing}")

    async def _exchange(self, upstream: Upstream, asked: Asked, target: Target) -> Reply:
        call = asked.call
        parameter = NAME_BEARING.get(call.method)
        request_id = upstream.next_id()
        deliver = _relay(asked)
        params = params_to_upstream(
            call.params if parameter else _with_own_reference(call.params, target),
            upstream_era=upstream.era,
            upstream_version=upstream.version,
            target=(parameter, target.name) if parameter else None,
            client_era=call.era,
            client_meta=call.meta,
            client_capabilities=NO_CAPABILITIES,
            client_info=self._identity,
            progress_token=request_id if deliver else None,
        )
        outgoing = Outgoing(
            request_id,
            call.method,
            params,
            name=target.name if parameter else None,
            headers=target.param_headers(call.params) if upstream.era is Era.MODERN else (),
            timeout_s=self._call_timeout_s,
        )
        return await upstream.exchange(outgoing, deliver)

    def _answer(self, upstream: Upstream, asked: Asked, passage: _Passage, reply: Reply) -> bytes:
        call = asked.call
        if reply.result is None:
            passage.error_class = "rpc_error"
            error = error_to_client(
                reply.error or Raw(b"{}"), client_era=call.era, method=call.method
            )
            return raw_error_bytes(call.id, error)
        is_failed = call.method == "tools/call" and is_tool_error(reply.result)
        result = self._to_client(asked, reply.result, upstream.era)
        passage.outcome = Outcome.TOOL_ERROR if is_failed else Outcome.OK
        passage.error_class = ""
        passage.result_bytes = len(result)
        return result_bytes(call.id, result)

    def _failure(self, asked: Asked, message: str) -> bytes:
        """Tell why a server could not be asked: a model reads it as the tool's failure."""
        if asked.call.method != "tools/call":
            return error_bytes(asked.call.id, INTERNAL_ERROR, message)
        result = {"content": [{"type": "text", "text": message}], "isError": True}
        raw = Raw(msgspec.json.encode(result))
        return result_bytes(asked.call.id, self._to_client(asked, raw, Era.LEGACY))

    def _to_client(self, asked: Asked, result: Raw, upstream_era: Era) -> bytes:
        return result_to_client(
            result,
            method=asked.call.method,
            upstream_era=upstream_era,
            client_era=asked.call.era,
            client_version=asked.version,
            server_info=self._identity,
        )

    def _row(
        self, asked: Asked, passage: _Passage, started_at: float, duration_us: int
    ) -> AuditEvent:
        principal = asked.admission.principal
        return AuditEvent(
            call_id=self._call_ids.next(started_at),
            workspace_id=asked.admission.workspace.id,
            method=asked.call.method,
            server_id=passage.server_id,
            server=passage.server,
            exposed=printable(passage.exposed),
            original=printable(passage.original),
            token_id=principal.token_id,
            member=principal.member,
            client_address=asked.client_address,
            client_name=asked.client_name,
            protocol_version=asked.version,
            started_at=started_at,
            duration_us=duration_us,
            outcome=passage.outcome,
            error_class=passage.error_class,
            request_bytes=asked.call.size,
            result_bytes=passage.result_bytes,
        )


def _exposed_name(call: Call) -> str:
    """Return what the client names, empty when it names nothing."""
    parameter = NAME_BEARING.get(call.method)
    if parameter is not None:
        return text(call.params.get(parameter, Raw(b"null"))) or ""
    reference = _reference(call.params)
    return text(reference.get("name") or reference.get("uri") or Raw(b"null")) or ""


def _reference(params: Mapping[str, Raw]) -> dict[str, Raw]:
    """Return what a completion is for; empty when `ref` is no object, which then is not found."""
    try:
        return read_object(params.get("ref", Raw(b"{}")))
    except ProtocolError:
        return {}


def _completed_by(offer: Offer, params: Mapping[str, Raw], exposed: str) -> Target | None:
    if "name" in _reference(params):
        return offer.find("prompts/get", exposed)
    return offer.template(exposed)


def _with_own_reference(params: Mapping[str, Raw], target: Target) -> dict[str, Raw]:
    """Return completion parameters that name the prompt as its server does."""
    reference = _reference(params)
    if "name" in reference:
        reference["name"] = Raw(msgspec.json.encode(target.name))
    return {**params, "ref": Raw(write_object(reference))}


def _relay(asked: Asked) -> Deliver | None:
    """Return what passes a server's progress on under the client's own token, if it wants any."""
    deliver, token = asked.deliver, asked.call.progress_token
    if deliver is None or token is None:
        return None

    async def relay(notification: Notification) -> None:
        if notification.method == "notifications/progress":
            params = Raw(progress_to_client(notification.params, token))
            await deliver(Notification(notification.method, params))

    return relay


def _look_at(written: "asyncio.Future[None]") -> None:
    if not written.cancelled():
        written.exception()
