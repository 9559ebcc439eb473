"""One call's conversation with its server, on behalf of one client.

    client  server   a question of the server in the middle of the call
    legacy  legacy   goes to the client on the stream of its call, and its answer back
    legacy  modern   ends the exchange; asked here, then the call is sent again with the answers
    modern  legacy   parks the call; the client's next request brings the answers
    modern  modern   is the result, and passes

Notifications pass under the client's own token and above its own log level. Tasks are waited for
here, so that the client gets the plain result. Decides nothing about who may call what.
"""

import asyncio
import secrets
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from msgspec import Raw, Struct, json, structs

from mcpgw.errors import ProtocolError, UpstreamError
from mcpgw.gateway.asked import NOTHING, Asked
from mcpgw.gateway.offer import Target
from mcpgw.gateway.parking import Parking, is_parked
from mcpgw.gateway.ports import Ask, Deliver, Upstream, Upstreams
from mcpgw.gateway.question import Questions
from mcpgw.gateway.redaction import Redactor
from mcpgw.gateway.task import finished
from mcpgw.protocol.capability import TASKS, for_upstream, missing
from mcpgw.protocol.era import META_LOG_LEVEL, NAME_BEARING, Era
from mcpgw.protocol.exchange import PAUSED, Lane, Notification, Outgoing, Question, Reply
from mcpgw.protocol.input_required import (
    InputRequired,
    input_required_result,
    naming,
    read_input_required,
    to_legacy,
    to_modern,
    url_questions,
    with_responses,
)
from mcpgw.protocol.jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
    error_object,
    notification_bytes,
)
from mcpgw.protocol.log_level import LEVELS, is_wanted, more_verbose, read_level
from mcpgw.protocol.reference import with_name
from mcpgw.protocol.task import read_created, task_param
from mcpgw.protocol.translate import params_to_upstream, progress_to_client

MAX_ROUNDS = 8
"""How often a server may ask again within one call."""

PAUSE_S = 0.2
"""Before a call is repeated for a server that asked for nothing but time."""

TASK_TTL_MS = 3_600_000
"""How long a legacy server is asked to keep a task's result."""


class Talk(Struct, frozen=True):
    """One client's call to one server: who talks about what.

    `is_named` says whether questions name their server: where there is one only, nobody wonders. A
    struct, because every call makes one.
    """

    asked: Asked
    target: Target
    upstream: Upstream
    askable: bytes
    log_level: str
    is_named: bool

    def named(self, question: Question) -> Question:
        """Return a question that says who asks."""
        return naming(question, self.target.reach.server.name) if self.is_named else question

    def refusal(self, question: Question) -> Reply | None:
        """Return the answer to what the client never said that it can be asked, else None."""
        return _refusal(question) if missing((question,), self.askable) is not None else None


class Relay:
    """Carries calls to servers, questions and notifications included."""

    def __init__(
        self,
        upstreams: Upstreams,
        questions: Questions,
        parking: Parking,
        *,
        identity: bytes,
        call_timeout_s: float,
    ) -> None:
        self._upstreams = upstreams
        self._questions = questions
        self._parking = parking
        self._identity = identity
        self._call_timeout_s = call_timeout_s
        self._levels: WeakKeyDictionary[Upstream, str] = WeakKeyDictionary()

    def starts(self, server_id: str) -> int:
        """Return how many connections to a server were begun so far."""
        return self._upstreams.starts(server_id)

    async def exchange(
        self, asked: Asked, target: Target, *, log_level: str, is_named: bool
    ) -> tuple[Reply, Era]:
        """Return the server's final answer and the era that it is written in.

        `log_level` is the least that the client wants to hear of, empty when it never said.

        Raises:
            UpstreamError: the server cannot be asked, or asks what the client cannot be asked.
            ProtocolError: what a modern client sent or can do does not fit.
        """
        call = asked.call
        reach = target.reach
        askable = asked.askable
        lane = Lane(call.era, askable, asked.client)
        upstream = await self._upstreams.connect(reach.server, reach.fingerprint, reach.fill, lane)
        talk = Talk(asked, target, upstream, askable, log_level, is_named)
        if call.era is Era.MODERN:
            return await self._for_modern(talk)
        ask = self._asker(talk)
        if upstream.era is Era.LEGACY:
            return await self._once(talk, call.params, _relay(talk), ask), Era.LEGACY
        return await self._in_rounds(talk, ask), Era.MODERN

    async def _for_modern(self, talk: Talk) -> tuple[Reply, Era]:
        asked = talk.asked
        deliver, params = _relay(talk), asked.call.params
        if talk.upstream.era is Era.MODERN:
            reply = await self._once(talk, params, deliver, None)
            return self._with_fitting_questions(talk, reply), Era.MODERN
        if is_parked(asked):
            reply, era = await self._parking.resume(asked, talk.target, deliver)
        elif talk.askable == NOTHING or asked.call.method not in NAME_BEARING:
            reply, era = await self._once(talk, params, deliver, _refuse), Era.LEGACY
        else:

            async def run(deliver: Deliver, ask: Ask) -> Reply:
                async def named(question: Question) -> Reply:
                    refusal = talk.refusal(question)
                    return refusal or await ask(to_modern(talk.named(question)))

                return await self._once(talk, params, deliver, named)

            reply, era = await self._parking.begin(asked, talk.target, deliver, run)
        return (reply, era) if era is Era.MODERN else self._with_visits(talk, reply)

    def _with_fitting_questions(self, talk: Talk, reply: Reply) -> Reply:
        """Return a modern server's answer to a modern client.

        Raises:
            ProtocolError: -32021, it asks what the client did not declare that it can be asked.
        """
        found = None if reply.result is None else read_input_required(reply.result)
        if found is None:
            return reply
        lacking = missing(found.questions.values(), talk.askable)
        if lacking is not None:
            raise ProtocolError(
                f"the server {talk.target.reach.server.name} asks for something that this client "
                "did not declare",
                MISSING_CAPABILITY,
                data=b'{"requiredCapabilities":' + lacking + b"}",
            )
        return reply

    def _with_visits(self, talk: Talk, reply: Reply) -> tuple[Reply, Era]:
        """Return a legacy server's demand that a person opens pages first as modern questions."""
        visits = None if reply.error is None else url_questions(reply.error)
        if visits is None or missing(visits.values(), talk.askable) is not None:
            return reply, Era.LEGACY
        questions = {key: talk.named(question) for key, question in visits.items()}
        result = input_required_result(questions, None, self._identity)
        return Reply(Raw(result), None, redactions=reply.redactions), Era.MODERN

    async def _in_rounds(self, talk: Talk, ask: Ask) -> Reply:
        """Ask a legacy client what a modern server asks for, and send the call again with it."""
        params: Mapping[str, Raw] = talk.asked.call.params
        server, redactions = talk.target.reach.server.name, 0
        for _ in range(MAX_ROUNDS):
            reply = await self._once(talk, params, _relay(talk), ask)
            redactions += reply.redactions
            found = None if reply.result is None else read_input_required(reply.result)
            if found is None:
                return structs.replace(reply, redactions=redactions)
            if missing(found.questions.values(), talk.askable) is not None:
                kinds = ", ".join(sorted({one.method for one in found.questions.values()}))
                raise UpstreamError(
                    f"the server {server} asks for input ({kinds}) that this client cannot give"
                )
            if not found.questions:
                await asyncio.sleep(PAUSE_S)
            responses = await _all_answers(server, found, ask)
            params = with_responses(talk.asked.call.params, responses, found.state)
        raise UpstreamError(f"the server {server} asked for input {MAX_ROUNDS} times in one call")

    async def _once(
        self, talk: Talk, params: Mapping[str, Raw], deliver: Deliver | None, ask: Ask | None
    ) -> Reply:
        """Send the call with these parameters, and wait for what it leads to.

        What the server says of the secrets that it was given is taken out.
        """
        open_secrets = talk.target.reach.open_secrets
        if open_secrets is None:
            return await self._sent(talk, params, deliver, ask)
        redactor = Redactor(open_secrets)
        deliver, ask = redactor.deliver(deliver), redactor.ask(ask)
        return redactor.reply(await self._sent(talk, params, deliver, ask))

    async def _sent(
        self, talk: Talk, params: Mapping[str, Raw], deliver: Deliver | None, ask: Ask | None
    ) -> Reply:
        """Send the call, and wait for its task if it becomes one.

        A modern server asks with `ask` in tasks only: it cannot while a request runs.
        """
        upstream, target = talk.upstream, talk.target
        if talk.log_level and upstream.era is Era.LEGACY and "logging" in upstream.capabilities:
            await self._lower_level(upstream, talk.log_level)
        outgoing = self._outgoing(talk, params, deliver)
        is_legacy = upstream.era is Era.LEGACY
        reply = await upstream.exchange(outgoing, deliver, ask if is_legacy else None)
        may_be_task = target.is_task if is_legacy else _offers_tasks(upstream)
        if reply.result is None or not may_be_task or outgoing.method != "tools/call":
            return reply
        created = read_created(reply.result)
        if created is None:
            return reply
        askable = NOTHING if ask is None else talk.askable
        return await finished(
            upstream,
            target.reach.server.name,
            created,
            ask,
            identity=self._identity,
            capabilities=for_upstream(NOTHING, askable, with_tasks=True),
            timeout_s=self._call_timeout_s,
        )

    def _outgoing(self, talk: Talk, params: Mapping[str, Raw], deliver: Deliver | None) -> Outgoing:
        call, upstream, target = talk.asked.call, talk.upstream, talk.target
        parameter = NAME_BEARING.get(call.method)
        request_id = upstream.next_id()
        is_modern = upstream.era is Era.MODERN
        if parameter is None:
            params = with_name(params, target.name)
        if not is_modern and call.method == "tools/call" and target.is_task:
            params = {**params, "task": task_param(TASK_TTL_MS)}
        has_progress = deliver is not None and call.progress_token is not None
        body = params_to_upstream(
            params,
            upstream_era=upstream.era,
            upstream_version=upstream.version,
            target=(parameter, target.name) if parameter else None,
            client_era=call.era,
            client_meta=call.meta,
            client_capabilities=_declared(talk) if is_modern else NOTHING,
            client_info=self._identity,
            progress_token=request_id if has_progress else None,
            log_level=talk.log_level,
        )
        return Outgoing(
            request_id,
            call.method,
            body,
            name=target.name if parameter else None,
            headers=target.param_headers(call.params) if is_modern else (),
            timeout_s=self._call_timeout_s,
            client=talk.asked.client,
        )

    def _asker(self, talk: Talk) -> Ask:
        """Return what puts a server's question to a legacy client."""
        send, session_id = talk.asked.send, talk.asked.call.session_id
        version = talk.asked.version

        async def ask(question: Question) -> Reply:
            refusal = talk.refusal(question)
            if refusal is not None:
                return refusal
            shown = to_legacy(talk.named(question), version, lambda: secrets.token_hex(16))
            if shown is None or send is None or session_id is None:
                return _refusal(question)
            return await self._questions.ask(session_id, send, shown)

        return ask

    async def _lower_level(self, upstream: Upstream, wanted: str) -> None:
        """Make a legacy server say as much as the most curious of its clients wants to hear."""
        known = self._levels.get(upstream)
        if known is not None and more_verbose(known, wanted) == known:
            return
        self._levels[upstream] = wanted
        params = json.encode({"level": wanted})
        outgoing = Outgoing(
            upstream.next_id(), "logging/setLevel", params, timeout_s=self._call_timeout_s
        )
        is_answered = False
        try:
            await upstream.exchange(outgoing)
            is_answered = True
        finally:
            if not is_answered:
                self._levels.pop(upstream, None)


def wanted_level(asked: Asked) -> str:
    """Return the least log level that a modern request asks for, empty for none.

    Raises:
        ProtocolError: -32602, there is no such level.
    """
    said = asked.call.meta.get(META_LOG_LEVEL)
    if said is None:
        return ""
    level = read_level(said)
    if level is None:
        raise ProtocolError(f"the log level is none of {', '.join(LEVELS)}", INVALID_PARAMS)
    return level


def _declared(talk: Talk) -> bytes:
    """Return the capabilities that a modern server is told: the client's, and ours to wait."""
    asked = talk.asked
    own = asked.capabilities if asked.call.era is Era.MODERN else NOTHING
    return for_upstream(own, talk.askable, _offers_tasks(talk.upstream))


def _offers_tasks(upstream: Upstream) -> bool:
    """Say whether a modern server may answer a call with a task."""
    extensions = upstream.capabilities.get("extensions")
    return extensions is not None and TASKS.encode() in bytes(extensions)


async def _all_answers(server: str, found: InputRequired, ask: Ask) -> dict[str, bytes]:
    """Ask everything of one round side by side; one error ends it.

    Raises:
        UpstreamError: the client answered with an error.
    """

    async def answer(question: Question) -> bytes:
        reply = await ask(question)
        if reply.result is None:
            raise UpstreamError(f"the client refused what the server {server} asked for")
        return bytes(reply.result)

    try:
        async with asyncio.TaskGroup() as group:
            asking = {key: group.create_task(answer(q)) for key, q in found.questions.items()}
    except* UpstreamError as refused:
        refusal = refused
    else:
        return {key: task.result() for key, task in asking.items()}
    raise refusal.exceptions[0]


def _refusal(question: Question) -> Reply:
    """Return the answer to what a client cannot be asked: the tool decides what that means."""
    problem = f"this client cannot be asked: {question.method}"
    return Reply(None, Raw(error_object(METHOD_NOT_FOUND, problem)))


async def _refuse(question: Question) -> Reply:
    return _refusal(question)


def _relay(talk: Talk) -> Deliver | None:
    """Return what passes a server's notifications on to the client, if it wants any."""
    asked, level = talk.asked, talk.log_level
    send, token = asked.send, asked.call.progress_token
    wants_logs = asked.call.era is Era.LEGACY or bool(level)
    if send is None or (token is None and not wants_logs):
        return None

    async def relay(notification: Notification) -> None:
        if notification is PAUSED:
            await send(b"")
            return
        params = bytes(notification.params)
        if notification.method == "notifications/progress":
            if token is None:
                return
            params = progress_to_client(notification.params, token)
        elif not wants_logs or (level and not is_wanted(notification.params, level)):
            return
        await send(notification_bytes(notification.method, params))

    return relay
