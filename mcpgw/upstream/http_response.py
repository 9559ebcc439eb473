"""The answer to one HTTP request, as it comes: whole, or a stream that is read piece by piece."""

import asyncio
from collections import deque
from typing import Protocol

from mcpgw.errors import UpstreamError


class Carrier(Protocol):
    """What an answer needs of its connection, which by then may serve another request."""

    loop: asyncio.AbstractEventLoop

    def resume(self, response: "Response") -> None:
        """Let the peer go on."""

    def drain(self, response: "Response") -> None:
        """Wait a moment for the end that nobody reads."""

    def postpone(self, response: "Response", deadline: float) -> None:
        """Move the end of the answer's time."""

    def abort(self) -> None:
        """Close at once."""


class Response:
    """The answer to one request: complete with `body`, or a stream to `read` piece by piece."""

    __slots__ = (
        "_connection",
        "_is_complete",
        "_is_wanted",
        "_pieces",
        "_size",
        "_waiter",
        "error",
        "is_stream",
        "session_id",
        "status",
    )

    def __init__(self, connection: Carrier) -> None:
        self.status = 0
        self.session_id = ""
        self.is_stream = False
        self._connection = connection
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._is_complete = False
        self._is_wanted = True
        self.error: UpstreamError | None = None

    @property
    def body(self) -> bytes:
        """The whole body of an answer that is no stream."""
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read(self) -> bytes:
        """Return what has come of a stream since the last call, `b""` at its end.

        Raises:
            UpstreamError: it broke off.
            UpstreamTimeout: the request's time is over.
        """
        while not self._pieces:
            if self.error is not None:
                raise self.error
            if self._is_complete:
                return b""
            await self.arrival()
        piece = self.body
        self._pieces.clear()
        self._size = 0
        self._connection.resume(self)
        return piece

    def close(self) -> None:
        """Want no more of the stream; its connection is kept when the end comes soon."""
        self._is_wanted = False
        self._pieces.clear()
        if not self._is_complete and self.error is None:
            self._connection.drain(self)

    def abort(self) -> None:
        """Take the request back."""
        self._is_wanted = False
        if not self._is_complete and self.error is None:
            self._connection.abort()

    def postpone(self, deadline: float) -> None:
        """Let the rest of the stream come until `deadline`, by the loop's time."""
        if not self._is_complete and self.error is None:
            self._connection.postpone(self, deadline)

    # What follows is for the connection.

    async def arrival(self) -> None:
        """Wait until something came or the answer ended."""
        waiter = self._waiter = self._connection.loop.create_future()
        await waiter

    def put(self, piece: bytes) -> int:
        """Take a piece of the body; return how many bytes wait to be read."""
        if not self._is_wanted:
            return 0
        self._pieces.append(piece)
        self._size += len(piece)
        if self.is_stream:
            self.wake()
        return self._size

    def end(self, error: UpstreamError | None = None) -> None:
        """Mark the end, with what broke it or as it should be."""
        if error is None:
            self._is_complete = True
        else:
            self.error = error
            if not self.is_stream:
                # Nobody reads it, and the error's traceback would keep it for a long time.
                self._pieces.clear()
        self.wake()

    def wake(self) -> None:
        """Let the waiting task go on."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
