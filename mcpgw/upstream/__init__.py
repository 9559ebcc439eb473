"""Live connections to MCP servers. Never decides who may use them.

Below stand the callables that callers hand in; the ports of `gateway` describe them too.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from mcpgw.protocol.exchange import Notification, Question, Reply

Deliver = Callable[[Notification], Awaitable[None]]
"""Takes a notification of a running call."""

Ask = Callable[[Question], Awaitable[Reply]]
"""Puts a server's question to the client of a running call, and returns its answer."""

Fill = Callable[[], Sequence[tuple[str, str]]]
"""Opens the secrets of a launch. Called late; its values are used at once and not kept."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Starts a task that its owner waits for, as `TaskGroup.create_task` does."""
