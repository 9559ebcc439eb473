"""Subscriptions on a line that carries everything: their messages are told apart by an id.

Each is a request that is answered only when it ends. They are no calls: nothing waits for them in
time, and a line that has nothing else is not busy.
Source: MCP 2026-07-28, basic/patterns (subscriptions).
"""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct, field, json

from mcpgw.errors import UpstreamError
from mcpgw.protocol.era import META_SUBSCRIPTION_ID
from mcpgw.protocol.exchange import Notification
from mcpgw.upstream import OnChange
from mcpgw.upstream.frame import Frame


class _Listen:
    """A subscription that is open."""

    __slots__ = ("end", "take")

    def __init__(self, take: OnChange) -> None:
        self.take = take
        self.end: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()


class Listens:
    """The open subscriptions of one line."""

    def __init__(self) -> None:
        self._open: dict[int | str | None, _Listen] = {}

    async def hold(
        self, request_id: int, send: Callable[[], Awaitable[None]], take: OnChange
    ) -> Frame:
        """Send the request of that id and return its answer; until then `take` gets its messages.

        Raises:
            UpstreamError: it was not sent, or the line ended.
        """
        listen = self._open[request_id] = _Listen(take)
        try:
            await send()
            return await listen.end
        finally:
            del self._open[request_id]
            if listen.end.done() and not listen.end.cancelled():
                listen.end.exception()  # Marks it as seen: perhaps it was not sent either.

    def hear(self, frame: Frame, method: str) -> bool:
        """Take a notification; False when it names no subscription, and so is everybody's."""
        subscription_id = _subscription_id(frame)
        listen = self._open.get(subscription_id)
        if listen is not None:
            listen.take(Notification(method, frame.params))
        return subscription_id is not None

    def answer(self, frame: Frame) -> bool:
        """Take an answer; False when it is not to a subscription."""
        listen = self._open.get(frame.id)
        if listen is None:
            return False
        if not listen.end.done():
            listen.end.set_result(frame)
        return True

    def fail(self, error: UpstreamError) -> None:
        """End them all with an error."""
        for listen in self._open.values():
            if not listen.end.done():
                listen.end.set_exception(type(error)(error.message, error.hint))


class _Meta(Struct):
    subscription: int | str | None = field(default=None, name=META_SUBSCRIPTION_ID)


class _Params(Struct):
    meta: _Meta = field(default_factory=_Meta, name="_meta")


_params_decoder = json.Decoder(_Params)


def _subscription_id(frame: Frame) -> int | str | None:
    try:
        return _params_decoder.decode(frame.params).meta.subscription
    except (ValueError, RecursionError):
        return None
