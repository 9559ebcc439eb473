"""One request to the fixture server of fixture_mcp2.py, in whichever era, and what it remembers."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
from mcp.server.connection import allowed_log_levels
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.subscriptions import event_to_notification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
CAPABILITY = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
RESULT: dict[str, type[types.Result]] = {
    "elicitation/create": types.ElicitResult,
    "sampling/createMessage": types.CreateMessageResult,
    "roots/list": types.ListRootsResult,
}

Context = ServerRequestContext[Any, Any]
Inputs = (
    types.CallToolRequestParams | types.GetPromptRequestParams | types.ReadResourceRequestParams
)


class InputNeeded(Exception):
    """The client has to answer first: the modern way to ask."""

    def __init__(self, result: types.InputRequiredResult) -> None:
        super().__init__()
        self.result = result


class ToolFailure(Exception):
    """The tool failed: a result with `isError`."""


@dataclass
class State:
    """What one server process remembers."""

    has_one_stream_per_call: bool = False
    level: str = "info"
    cancelled: int = 0
    note: str = "untouched"
    changes: int = 0
    extra_tool: str | None = None
    extra_prompt: str | None = None
    sessions: list[ServerSession] = field(default_factory=list)
    watching: dict[str, list[ServerSession]] = field(default_factory=dict)
    bus: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus)

    async def publish(self, event: ServerEvent, legacy: list[ServerSession]) -> None:
        """Tell the streams of modern clients, and the given sessions of legacy ones."""
        await self.bus.publish(event)
        for session in legacy:
            await session.send_notification(event_to_notification(event, {}))


state = State()


@dataclass
class Call:
    """A request to a tool, a prompt or a resource."""

    ctx: Context
    params: Inputs

    @property
    def is_modern(self) -> bool:
        return self.ctx.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(getattr(self.params, "arguments", None) or {})

    def can(self, capability: str) -> bool:
        declared = self.ctx.session.client_capabilities
        return getattr(declared, capability, None) is not None

    async def ask(
        self, questions: Mapping[str, types.InputRequest], has_state: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Put questions to the client: by requests (legacy), or by answering with them (modern).

        Raises:
            InputNeeded: The client is to call again with the answers. With `has_state`, it brings
                along a state, too, and in it the answers of earlier rounds.
        """
        for question in questions.values():
            self._insist_on(CAPABILITY[question.method])
        if not self.is_modern:
            asked = [self._push(question) for question in questions.values()]
            return dict(zip(questions, await asyncio.gather(*asked), strict=True))
        known: dict[str, dict[str, Any]] = json.loads(self.params.request_state or "{}")
        if self.params.request_state is not None or not has_state:
            known |= {key: wire(it) for key, it in (self.params.input_responses or {}).items()}
        if not questions.keys() <= known.keys():
            state_text = json.dumps(known) if has_state else None
            raise InputNeeded(
                types.InputRequiredResult(input_requests=dict(questions), request_state=state_text)
            )
        return {key: known[key] for key in questions}

    async def log(self, level: str, said: str) -> None:
        """Send a log message, if the client wants that level."""
        if self.is_modern:
            is_wanted = level in allowed_log_levels(self.ctx.protocol_version, self.ctx.meta)
        else:
            is_wanted = LEVELS.index(level) >= LEVELS.index(state.level)
        if is_wanted:
            message = {"method": "notifications/message", "params": {"level": level, "data": said}}
            notification = types.LoggingMessageNotification.model_validate(message)
            await self.ctx.session.send_notification(notification, self.ctx.request_id)

    def _insist_on(self, capability: str) -> None:
        if self.can(capability):
            return
        if not self.is_modern:
            raise ToolFailure(f"the client has no {capability}")
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"The client must declare {capability}",
            {"requiredCapabilities": {capability: {}}},
        )

    async def _push(self, question: types.InputRequest) -> dict[str, Any]:
        related = ServerMessageMetadata(related_request_id=self.ctx.request_id)
        kind = RESULT[question.method]
        return wire(await self.ctx.session.send_request(question, kind, metadata=related))


def wire(model: Any) -> dict[str, Any]:
    """Return a model of the SDK as it goes over the wire."""
    dumped: dict[str, Any] = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped
