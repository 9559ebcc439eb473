"""What becomes of calls in the journal: a row before the server is asked, one before the answer.

A call whose first row cannot be written is not made; an answer whose last row cannot be written is
withheld, and once the disk is back that is recorded in its place. Never sees a payload for longer
than it takes to fingerprint it.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Raw, structs

from mcpgw.errors import GatewayError, StorageError
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.counters import Counters
from mcpgw.gateway.ports import Clock, Journal, Span, Tracing, Vault
from mcpgw.model.audit import (
    CallEnd,
    Caller,
    CallNumbers,
    CallStart,
    Outcome,
    Target,
    printable,
)
from mcpgw.model.chain import PURPOSE
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import KeyKind
from mcpgw.protocol.jsonrpc import canonical

ARGUMENTS_PURPOSE = "mcpgw/arguments/v1"
RESULT_PURPOSE = "mcpgw/result/v1"

FINGERPRINT_BYTES = 16

MOST_SORTED_BYTES = 64 << 10
"""Longer arguments are fingerprinted as they came: sorting them would hold up everybody."""

MOST_CLIENT_CHARACTERS = 64

_NOTHING = Raw(b"")

Sign = Callable[[bytes], bytes]


@dataclass(slots=True)
class Passage:
    """What is known of a call so far: its rows come from here, however it ends."""

    started_us: int
    begun_ns: int
    number: int
    exposed: str
    span: Span
    server_id: str = ""
    server: str = ""
    original: str = ""
    outcome: Outcome = Outcome.UPSTREAM_ERROR
    error_class: str = "internal"
    rule: str = ""
    """What hides it from this token, though it is there."""
    upstream_ns: int = 0
    """Spent with the server so far."""
    upstream_status: int = 0
    redactions: int = 0
    restarts: int = 0
    retries: int = 0
    result: bytes = b""
    """What the client gets; kept until it is fingerprinted."""
    start: CallStart | None = None
    """What the first row said, None before there was one."""
    is_refused: bool = False
    """Whether the first row could not be written: then there is no last one."""
    refusal: GatewayError | None = None
    """Raised once the row is written, in place of the answer."""


class Recording:
    """Writes the rows of calls."""

    def __init__(
        self,
        journal: Journal,
        vault: Vault,
        counters: Counters,
        tracing: Tracing,
        clock: Clock,
    ) -> None:
        self.under_way = 0
        """Calls that went to their server and have not ended."""
        self._journal = journal
        self._vault = vault
        self._counters = counters
        self._tracing = tracing
        self._clock = clock
        self._numbers = CallNumbers(secrets.token_bytes(3))
        self._sign_arguments: Sign = _no_fingerprint
        self._sign_result: Sign = _no_fingerprint
        self._withheld: list[CallEnd] = []

    def arm(self, configuration: Configuration) -> None:
        """Take up the keys that rows and fingerprints need, the vault being open.

        Raises:
            NotFound: there is none; the data directory is not initialised.
            VaultLocked: the keys are not of this vault.
        """
        self._journal.sign_with(self._vault.signer(configuration.datakey(KeyKind.AUDIT), PURPOSE))
        key = configuration.datakey(KeyKind.FINGERPRINT)
        self._sign_arguments = self._vault.signer(key, ARGUMENTS_PURPOSE)
        self._sign_result = self._vault.signer(key, RESULT_PURPOSE)

    @property
    def problem(self) -> StorageError | None:
        """Why no call can be made at present, None when calls can."""
        return self._journal.problem

    def open(self, asked: Asked, exposed: str) -> Passage:
        """Begin to watch a call of what the client names `exposed`."""
        span = self._tracing.begin(asked.call.method, printable(exposed), asked.call.meta)
        started_us = int(self._clock.now() * 1e6)
        return Passage(started_us, self._clock.monotonic_ns(), self._numbers.next(), exposed, span)

    async def begin(self, asked: Asked, passage: Passage) -> None:
        """Write that the call goes to its server now; once only, however often it is sent.

        Raises:
            StorageError: that cannot be written, so the call must not be made.
        """
        if passage.start is not None:
            return
        passage.start = self._start(asked, passage)
        self.under_way += 1
        try:
            await self._journal.begin(passage.start)
        except StorageError:
            self.under_way -= 1
            passage.is_refused = True
            raise

    async def end(self, asked: Asked, passage: Passage) -> None:
        """Write how the call ended.

        Raises:
            StorageError: that cannot be written, so the answer must not leave.
        """
        end = self._end(asked, passage)
        try:
            await self._journal.end(end)
        except StorageError:
            self._withhold(end)
            raise
        self._counters.count(end)
        passage.span.end(end)

    def end_unseen(self, asked: Asked, passage: Passage) -> None:
        """Write how a call ended that has no answer: nobody waits for it."""
        if passage.is_refused:
            return
        end = self._end(asked, passage)

        def look(written: "asyncio.Future[int]") -> None:
            if written.cancelled():
                return
            if written.exception() is not None:
                self._withhold(end)
            else:
                self._counters.count(end)
                passage.span.end(end)

        self._journal.end(end).add_done_callback(look)

    async def mend(self) -> None:
        """Try whether rows can be written again, and write those that are missing.

        Raises:
            StorageError: they cannot.
        """
        if self._journal.problem is not None:
            await self._journal.probe()
        while self._withheld:
            end = self._withheld[0]
            await self._journal.end(end)
            self._withheld.remove(end)
            self._counters.count(end)

    async def close_crashed(self) -> int:
        """Write an end for every call that was under way when its process died; returns how many.

        Raises:
            StorageError: the journal cannot be read or written.
        """
        unfinished = await self._journal.unfinished()
        ends = [
            self._journal.end(CallEnd(start, Outcome.UNKNOWN_CRASH, "crash", 0), seq)
            for seq, start in unfinished
        ]
        await asyncio.gather(*ends)
        return len(ends)

    def fingerprint(self, arguments: bytes | Raw) -> bytes:
        """Return the fingerprint by which arguments are compared; that of none is empty."""
        raw = bytes(arguments)
        if not raw:
            return b""
        plain = canonical(raw) if len(raw) <= MOST_SORTED_BYTES else raw
        return self._sign_arguments(plain)[:FINGERPRINT_BYTES]

    def _withhold(self, end: CallEnd) -> None:
        """Keep what could not be written about a call that was made, until it can be."""
        self._withheld.append(
            structs.replace(end, outcome=Outcome.WITHHELD, error_class=end.outcome.value)
        )

    def _start(self, asked: Asked, passage: Passage) -> CallStart:
        call = asked.call
        principal = asked.admission.principal
        arguments = call.params.get("arguments") or call.params.get("argument", _NOTHING)
        return CallStart(
            started_us=passage.started_us,
            number=passage.number,
            caller=Caller(
                workspace_id=asked.admission.workspace.id,
                token_id=principal.token_id,
                member=principal.member,
                role=principal.role.value,
                client_name=_client_text(asked.client_name),
                client_version=_client_text(asked.client_version),
                client_address=asked.client_address,
                surface=asked.surface.value,
                era=call.era.value,
                protocol_version=asked.version,
            ),
            target=Target(
                method=call.method,
                server_id=passage.server_id,
                server=passage.server,
                exposed=printable(passage.exposed),
                original=printable(passage.original),
            ),
            request_bytes=call.size,
            arguments=self.fingerprint(arguments),
        )

    def _end(self, asked: Asked, passage: Passage) -> CallEnd:
        result = passage.result
        if passage.start is not None:
            self.under_way -= 1
        return CallEnd(
            start=passage.start or self._start(asked, passage),
            outcome=passage.outcome,
            error_class=passage.error_class,
            duration_us=(self._clock.monotonic_ns() - passage.begun_ns) // 1000,
            upstream_us=passage.upstream_ns // 1000,
            upstream_status=passage.upstream_status,
            result_bytes=len(result),
            result=self._sign_result(result)[:FINGERPRINT_BYTES] if result else b"",
            redactions=passage.redactions,
            restarts=passage.restarts,
            retries=passage.retries,
        )


def _client_text(text: str) -> str:
    return printable(text, MOST_CLIENT_CHARACTERS)


def _no_fingerprint(_: bytes) -> bytes:
    return b""
