"""The life of a bridge: begins with its streams, ends with its parent.

Ends when stdin does, when nobody reads stdout, when the parent is gone though stdin stays open, and
at SIGTERM or Ctrl-C; then the gateway is told, so that it keeps no session for nobody.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from mcpgw.cli.bridging.channel import Channel, Notes, client_session
from mcpgw.cli.bridging.lines import LineInput, LineOutput
from mcpgw.cli.bridging.relay import Relay
from mcpgw.cli.output import say

STDIN, STDOUT = 0, 1

LAST_ANSWERS_S = 5.0
"""How long answers under way are waited for after the last request."""

LAST_LINES_S = 1.0
"""How long the client may take to read what is written."""

PARENT_CHECK_S = 0.5


async def run_bridge(
    url: str, token: str, max_message_bytes: int, *, source: int = STDIN, sink: int = STDOUT
) -> None:
    """Carry messages between two file descriptors and a workspace's URL until the client ends."""
    parent = os.getppid()
    ended = asyncio.Event()
    _on_signals(ended.set)
    lines = LineInput(source, max_message_bytes)
    output = LineOutput(sink, ended.set)
    async with client_session(token) as http:
        channel = Channel(http, url, max_message_bytes, Notes(say))
        try:
            async with asyncio.TaskGroup() as group:
                relay = Relay(channel, output, group)
                own = (
                    group.create_task(_take_lines(lines, relay, ended.set)),
                    group.create_task(_watch(parent, ended.set)),
                )
                await ended.wait()
                relay.stop()
                for task in own:
                    task.cancel()
            await relay.end()
        finally:
            output.close(LAST_LINES_S)


async def _take_lines(lines: LineInput, relay: Relay, end: Callable[[], None]) -> None:
    async for line in lines.lines():
        await relay.take(line)
    await relay.finish(LAST_ANSWERS_S)
    end()


async def _watch(parent: int, end: Callable[[], None]) -> None:
    """End when the parent is gone: somebody else may hold its end of our stdin open."""
    while os.getppid() == parent:  # noqa: ASYNC110  (nobody would set an event)
        await asyncio.sleep(PARENT_CHECK_S)
    end()


def _on_signals(end: Callable[[], None]) -> None:
    if sys.platform != "win32":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
