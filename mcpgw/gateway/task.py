"""Tasks of servers: waited for here, so that a client which knows none gets the plain result.

The gateway is the client of the task: it asks at the pace that the server names, passes questions
on, and takes the task back when its own client goes. Source: MCP 2025-11-25, basic/utilities/tasks;
the tasks extension of 2026-07-28.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from msgspec import Raw, json

from mcpgw.errors import GatewayError, UpstreamError, UpstreamTimeout
from mcpgw.gateway.ports import Ask, Upstream
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Outgoing, Question, Reply
from mcpgw.protocol.input_required import with_responses
from mcpgw.protocol.task import TaskState, read_task
from mcpgw.protocol.translate import params_to_upstream

LONGEST_S = 3600.0
"""How long a task is waited for."""


async def finished(
    upstream: Upstream,
    server_name: str,
    created: TaskState,
    ask: Ask | None,
    *,
    identity: bytes,
    capabilities: bytes,
    timeout_s: float,
) -> Reply:
    """Wait for a task and return what the call would have returned without it.

    Args:
        upstream: where the task runs.
        server_name: its server, for people.
        created: the task as the call's result announced it.
        ask: puts the task's questions to the client, None when it cannot be asked.
        identity: the gateway's `clientInfo`, raw JSON.
        capabilities: what a modern server is told that the client can do, raw JSON.
        timeout_s: of each request about the task.

    Raises:
        UpstreamError: it was cancelled over there, or asks what the client cannot be asked.
        UpstreamTimeout: it took longer than anybody waits.
        ProtocolError: its server describes it in a way that cannot be read.
    """
    waiting = _Waiting(upstream, created.id, identity, capabilities, timeout_s)
    state = created
    answered: set[str] = set()
    try:
        async with asyncio.timeout(LONGEST_S):
            while state is created or not state.is_final:
                # A key names one question of a task for ever; it may be seen again for a while.
                fresh = {key: q for key, q in state.questions.items() if key not in answered}
                if fresh and upstream.era is Era.MODERN:
                    await waiting.update(await _answers(server_name, fresh, ask))
                    answered |= fresh.keys()
                elif state.status == "input_required" and upstream.era is Era.LEGACY:
                    # The result's own request is where a legacy server asks.
                    return await waiting.request("tasks/result", ask)
                else:
                    await asyncio.sleep(state.poll_s)
                reply = await waiting.request("tasks/get")
                if reply.result is None:
                    return reply
                state = read_task(reply.result)
    except TimeoutError:
        await waiting.take_back()
        raise UpstreamTimeout(f"a task of the server {server_name} did not end in time") from None
    except (asyncio.CancelledError, GatewayError):
        await waiting.take_back()
        raise
    if state.status == "cancelled":
        raise UpstreamError(f"the server {server_name} cancelled the task")
    if upstream.era is Era.LEGACY:
        return await waiting.request("tasks/result", ask)
    if state.result is None and state.error is None:
        raise UpstreamError(f"the server {server_name} ended its task without a result")
    return Reply(state.result, state.error)


class _Waiting:
    """The requests about one task."""

    def __init__(
        self,
        upstream: Upstream,
        task_id: str,
        identity: bytes,
        capabilities: bytes,
        timeout_s: float,
    ) -> None:
        self._upstream = upstream
        self._task_id = task_id
        self._identity = identity
        self._capabilities = capabilities
        self._timeout_s = timeout_s

    async def request(self, method: str, ask: Ask | None = None) -> Reply:
        """Ask something about the task."""
        return await self._request(method, {}, ask)

    async def update(self, responses: dict[str, bytes]) -> None:
        """Give a modern server what its task waits for."""
        await self._request("tasks/update", with_responses({}, responses, None), None)

    async def take_back(self) -> None:
        """Tell the server that nobody wants the task any more; it may have ended meanwhile."""
        with suppress(UpstreamError):
            await self._request("tasks/cancel", {}, None)

    async def _request(self, method: str, members: dict[str, Raw], ask: Ask | None) -> Reply:
        upstream = self._upstream
        params = params_to_upstream(
            {"taskId": Raw(json.encode(self._task_id)), **members},
            upstream_era=upstream.era,
            upstream_version=upstream.version,
            target=None,
            client_era=Era.MODERN,
            client_meta={},
            client_capabilities=self._capabilities,
            client_info=self._identity,
            progress_token=None,
        )
        is_modern = upstream.era is Era.MODERN
        outgoing = Outgoing(
            upstream.next_id(),
            method,
            params,
            name=self._task_id if is_modern else None,
            timeout_s=self._timeout_s,
        )
        return await upstream.exchange(outgoing, None, ask)


async def _answers(
    server_name: str, questions: Mapping[str, Question], ask: Ask | None
) -> dict[str, bytes]:
    if ask is None:
        raise UpstreamError(f"a task of the server {server_name} asks what the client cannot say")
    answers = {}
    for key, question in questions.items():
        answer = await ask(question)
        if answer.result is None:
            raise UpstreamError(f"the client refused what a task of {server_name} asked for")
        answers[key] = bytes(answer.result)
    return answers
