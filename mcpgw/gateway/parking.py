"""Parked calls: a modern client's call to a legacy server that asks something in the middle.

The server's call goes on running here while the client is told what is asked for; its retry brings
the answers. What names the parked call is sealed, and bound to who called what with which
arguments, to one round, and to a time. A call that vanished is never run again by itself.
"""

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Raw

from mcpgw.errors import GatewayError, ProtocolError, UpstreamError, VaultLocked
from mcpgw.gateway.asked import Asked
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.offer import Target
from mcpgw.gateway.ongoing import Entry, Ongoing
from mcpgw.gateway.ports import Ask, Clock, Deliver, Spawn, Vault
from mcpgw.model.key import DataKey, KeyKind
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Notification, Question, Reply
from mcpgw.protocol.input_required import input_required_result, read_responses
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, canonical, error_object

PURPOSE = "mcpgw/parked-call/v1"
PARKED_S = 600.0
"""How long a parked call waits for the client to come back."""

MAX_PARKED = 32
"""Calls that one token may have parked."""

GATHERING_S = 0.03
"""How long to wait for further questions of the server, so that one round carries them all."""

Run = Callable[[Deliver, Ask], Awaitable[Reply]]
"""Carries out the exchange with the server."""


class _Ticket(msgspec.Struct, frozen=True):
    """What a request state says, sealed."""

    call: str
    round: int
    binding: str
    expires_at: float


class _Parked:
    """One call that goes on while its client is away."""

    def __init__(self, token_id: str, binding: str) -> None:
        self.id = secrets.token_hex(16)
        self.token_id = token_id
        self.binding = binding
        self.round = 0
        self.deliver: Deliver | None = None
        """Takes the notifications for the client while it is here."""
        self.questions: dict[str, tuple[Question, asyncio.Future[Reply]]] = {}
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.entry: Entry | None = None
        """By which it is ended with its token."""
        self._asked = 0
        self._news = asyncio.Event()

    async def ask(self, question: Question) -> Reply:
        """Keep a question of the server until the client answers it."""
        self._asked += 1
        key = f"q{self._asked}"
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.questions[key] = question, answer
        self._news.set()
        try:
            return await answer
        finally:
            self.questions.pop(key, None)

    async def relay(self, notification: Notification) -> None:
        """Pass a notification on while the client is here; the rest is not kept."""
        if self.deliver is not None:
            await self.deliver(notification)

    async def run(self, run: Run) -> None:
        """Carry out the call to its end."""
        try:
            self.reply.set_result(await run(self.relay, self.ask))
        except GatewayError as error:
            self.reply.set_exception(error)
        finally:
            if not self.reply.done():
                self.reply.set_exception(UpstreamError("the parked call ended without an answer"))
            self.reply.exception()  # perhaps its client never comes back for it
            if self.entry is not None:
                self.entry.leave()
            self._news.set()

    async def news(self) -> None:
        """Wait for the end, or for something that the client must be asked."""
        while not (self.reply.done() or self.questions):
            self._news.clear()
            await self._news.wait()

    def end(self) -> None:
        """Take the call back from its server, unless it is over."""
        if self.expiry is not None:
            self.expiry.cancel()
        if self.task is not None:
            self.task.cancel()


class Parking:
    """Keeps calls whose clients were asked something."""

    def __init__(
        self,
        keys: Keys,
        vault: Vault,
        ongoing: Ongoing,
        clock: Clock,
        spawn: Spawn,
        *,
        identity: bytes,
    ) -> None:
        self._ongoing = ongoing
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._spawn = spawn
        self._identity = identity
        self._parked: dict[str, _Parked] = {}

    async def begin(
        self, asked: Asked, target: Target, deliver: Deliver | None, run: Run
    ) -> tuple[Reply, Era]:
        """Run a call; return its reply, or the result that tells the client what is asked for.

        The era says which: the server's own reply is a legacy one.
        """
        token_id = asked.admission.principal.token_id
        parked = _Parked(token_id, _binding(asked, target))
        parked.entry = self._ongoing.enter(asked.admission, lambda: self._expire(parked))
        parked.task = self._spawn(parked.run(run))
        return await self._accompany(asked, parked, deliver)

    async def resume(
        self, asked: Asked, target: Target, deliver: Deliver | None
    ) -> tuple[Reply, Era]:
        """Hand a client's answers to its parked call, and go on as `begin`.

        Raises:
            ProtocolError: -32602, there is no such call of this client, or not any more.
        """
        responses, state = read_responses(asked.call.params)
        parked = self._find(asked, target, state or "")
        for key in responses.keys() & parked.questions.keys():
            _, answer = parked.questions.pop(key)
            if not answer.done():
                answer.set_result(Reply(responses[key], None))
        del self._parked[parked.id]
        if parked.expiry is not None:
            parked.expiry.cancel()
        return await self._accompany(asked, parked, deliver)

    async def _accompany(
        self, asked: Asked, parked: _Parked, deliver: Deliver | None
    ) -> tuple[Reply, Era]:
        """Stay with a call until it ends or asks; a client that leaves takes it back."""
        parked.deliver = deliver
        try:
            await parked.news()
            while not parked.reply.done():
                await asyncio.sleep(GATHERING_S)
                if parked.questions:
                    break
                await parked.news()  # the server took back what it had asked
        except asyncio.CancelledError:
            parked.end()
            raise
        finally:
            parked.deliver = None
        if parked.reply.done():
            return parked.reply.result(), Era.LEGACY
        return self._park(asked, parked), Era.MODERN

    def _park(self, asked: Asked, parked: _Parked) -> Reply:
        """Leave the call waiting, and tell the client what to bring."""
        held = Counter(one.token_id for one in self._parked.values())
        if held[parked.token_id] >= MAX_PARKED:
            parked.end()
            message = f"{MAX_PARKED} calls of this token wait for input already"
            return Reply(None, Raw(error_object(INTERNAL_ERROR, message)))
        parked.round += 1
        self._parked[parked.id] = parked
        loop = asyncio.get_running_loop()
        parked.expiry = loop.call_later(PARKED_S, self._expire, parked)
        questions = {key: question for key, (question, _) in parked.questions.items()}
        state = self._seal(asked, parked)
        return Reply(Raw(input_required_result(questions, state, self._identity)), None)

    def _expire(self, parked: _Parked) -> None:
        self._parked.pop(parked.id, None)
        parked.end()

    def _find(self, asked: Asked, target: Target, state: str) -> _Parked:
        ticket = self._open(asked, state)
        if ticket is None or ticket.binding != _binding(asked, target):
            raise ProtocolError("the requestState is not one of this call", INVALID_PARAMS)
        parked = self._parked.get(ticket.call)
        is_late = ticket.expires_at < self._clock.now()
        if parked is None or parked.round != ticket.round or is_late:
            raise ProtocolError(
                "the call that waited for this input is gone: it ended, timed out, or the gateway "
                "was restarted; nothing was run again",
                INVALID_PARAMS,
            )
        return parked

    def _seal(self, asked: Asked, parked: _Parked) -> str:
        expires_at = self._clock.now() + PARKED_S
        ticket = _Ticket(parked.id, parked.round, parked.binding, expires_at)
        blob = self._vault.seal(*self._key(asked), msgspec.json.encode(ticket))
        return base64.urlsafe_b64encode(blob).decode()

    def _open(self, asked: Asked, state: str) -> _Ticket | None:
        try:
            blob = base64.urlsafe_b64decode(state)
            plain = self._vault.open(*self._key(asked), blob)
            return msgspec.json.decode(plain, type=_Ticket)
        except (binascii.Error, ValueError, VaultLocked):
            return None

    def _key(self, asked: Asked) -> tuple[DataKey, tuple[str, ...]]:
        configuration = asked.admission.configuration
        key = self._keys.newest(configuration, KeyKind.STATE)
        return key, (PURPOSE, configuration.install_id, key.id)


def is_parked(asked: Asked) -> bool:
    """Say whether a request to a legacy server comes back to a parked call: no other has a state.

    A state that is not ours is refused then, rather than the call run anew.
    """
    return bytes(asked.call.params.get("requestState", Raw(b"null"))) != b"null"


def _binding(asked: Asked, target: Target) -> str:
    """Return the digest of who calls what: only the same again fits a parked call."""
    call = asked.call
    arguments = call.params.get("arguments", Raw(b"null"))
    # Clients may write the same arguments differently the second time.
    plain = canonical(arguments)
    parts = (
        asked.admission.principal.token_id,
        asked.admission.workspace.id,
        call.method,
        target.reach.server.id,
        target.name,
    )
    return hashlib.sha256(msgspec.json.encode([*parts, plain.decode()])).hexdigest()
