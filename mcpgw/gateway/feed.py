"""What one client is told outside of its requests: that lists changed, that a resource did.

Only the fact is told, never the content, so what is pending is a set: a client that reads slowly or
comes back later loses nothing, and costs no more than the kinds and URIs that it asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from mcpgw.protocol.jsonrpc import notification_bytes
from mcpgw.protocol.subscription import tagged, updated_params

UPDATED = "notifications/resources/updated"

Write = Callable[[str, bytes], bytes]
"""Makes the message of a notification's method and parameters."""


class Feed:
    """The news for one stream, as whole JSON-RPC messages; iterate over it until it ends.

    `farewell` is what to write after its end, empty when the stream just closes.
    """

    def __init__(
        self,
        write: Write,
        on_close: Callable[["Feed"], None],
        farewell: bytes = b"",
    ) -> None:
        self.farewell = farewell
        self.pending: dict[tuple[str, str], None] = {}
        """Method and URI of what is to be told, in the order that it happened."""
        self._write = write
        self._on_close = on_close
        self._first = b""
        self._telling: tuple[str, str] | None = None
        self._is_ended = False
        self._news = asyncio.Event()

    def begin(self, message: bytes) -> None:
        """Put a message before everything that is told."""
        self._first = message

    def tell(self, method: str, uri: str = "") -> None:
        """Note that something changed."""
        self.pending[method, uri] = None
        self._news.set()

    def adopt(self, earlier: "Feed") -> None:
        """Tell what an earlier stream of the same client did not come to tell, or perhaps not."""
        if earlier._telling is not None:
            self.pending[earlier._telling] = None
        self.pending |= earlier.pending
        self._news.set()

    def end(self) -> None:
        """End the stream; what is pending is not told any more."""
        self._is_ended = True
        self._news.set()

    def refuse(self, error: bytes) -> None:
        """End the stream with an error, a whole JSON-RPC message, as its last word."""
        self.farewell = error
        self.end()

    def close(self) -> None:
        """Note that the client went away or was told the end."""
        self._on_close(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._first:
            yield self._first
        while not self._is_ended:
            if not self.pending:
                self._news.clear()
                await self._news.wait()
                continue
            method, uri = self._telling = next(iter(self.pending))
            del self.pending[method, uri]
            yield self._write(method, updated_params(uri) if uri else b"{}")
            if not self._is_ended:  # else perhaps because the client was gone before it was told
                self._telling = None


def listen_feed(request_id: bytes, farewell: bytes, on_close: Callable[[Feed], None]) -> Feed:
    """Return the feed of a modern client's `subscriptions/listen`."""

    def write(method: str, params: bytes) -> bytes:
        return tagged(method, params, request_id)

    return Feed(write, on_close, farewell)


def session_feed(on_close: Callable[[Feed], None]) -> Feed:
    """Return the feed of a legacy session."""
    return Feed(notification_bytes, on_close)
