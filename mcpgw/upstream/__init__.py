"""Live connections to MCP servers. Never decides who may use them.

Below stands what callers hand in; the ports of `gateway` describe most of it too.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from mcpgw.protocol.exchange import Notification, Question, Reply

Deliver = Callable[[Notification], Awaitable[None]]
"""Takes a notification of a running call."""

Ask = Callable[[Question], Awaitable[Reply]]
"""Puts a server's question to the client of a running call, and returns its answer."""

OnChange = Callable[[Notification], None]
"""Takes a notification that belongs to no call."""

Fill = Callable[[], Sequence[tuple[str, str]]]
"""Opens the secrets of a launch. Called late; its values are used at once and not kept."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Starts a task that its owner waits for, as `TaskGroup.create_task` does."""

NOTHING = b"{}"
"""The capabilities of clients that cannot be asked for anything."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection is opened for, and who is told what belongs to none of its calls.

    `on_question` is told that the server asks without saying in which call. `capabilities` is what
    clients can be asked for, as raw JSON. `is_legacy` spares the question for the era.
    """

    on_change: OnChange
    on_question: Callable[[], None]
    capabilities: bytes = NOTHING
    is_legacy: bool = False
