"""What clients missed when their connection broke: kept a while, told to who asks with the last id.

Only the revisions that know a priming event are served so. A recording is bound to its session, the
memory of all of them is bounded, and nothing outlives the process: an answer that is no longer here
is said to be lost, so that nobody waits for it.
Source: MCP 2025-11-25, basic/transports, Resumability and Redelivery.
"""

import asyncio
import base64
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator

from mcpgw.protocol.era import is_older
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, error_bytes, readable_id
from mcpgw.protocol.sse import encode

RESUMABLE_SINCE = "2025-11-25"
"""Clients of older revisions choke on an event without data."""

RETRY_MS = 1000
"""How long a client waits before it comes back."""

KEPT_S = 60.0
"""How long a whole answer is kept: written does not mean that it arrived."""

MAX_EVENTS = 256
MAX_STREAM_BYTES = 1 << 20
"""What is kept of one stream; beyond that its oldest events are forgotten."""

MAX_STREAMS = 1024
MAX_BYTES = 64 << 20
"""What is kept of all streams; beyond that the oldest are forgotten."""

MAX_ID_BYTES = 64
"""A request's id travels in the ids of its events when it is no longer than that."""

_EVENT_ID = re.compile(r"([0-9a-f]{32})-([0-9]{1,9})(?:-([A-Za-z0-9_-]{1,88}))?")


def is_resumable(version: str) -> bool:
    """Say whether a session of that revision is told how to come back."""
    return not is_older(version, RESUMABLE_SINCE)


def lost_answer(event_id: str) -> bytes | None:
    """Return the error that ends the request whose stream had that event, None if it was none's."""
    found = _EVENT_ID.fullmatch(event_id)
    if found is None or found[3] is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(found[3] + "=" * (-len(found[3]) % 4))
    except ValueError:
        return None
    request_id = readable_id(b'{"id":' + raw + b"}")
    return None if request_id is None else _lost(request_id)


def _lost(request_id: bytes) -> bytes:
    problem = "the connection broke and the answer was not kept"
    return error_bytes(request_id, INTERNAL_ERROR, problem)


class Marks:
    """The event ids of one stream: unguessable, counted, and saying which request it answers."""

    def __init__(self, request_id: bytes = b"") -> None:
        self.stream = secrets.token_hex(16)
        self._tail = ""
        if 0 < len(request_id) <= MAX_ID_BYTES:
            self._tail = "-" + base64.urlsafe_b64encode(request_id).decode().rstrip("=")
        self._count = 0

    @property
    def priming(self) -> bytes:
        """What the stream begins with: an id to come back with before there is any message."""
        return f"id: {self.stream}-0{self._tail}\nretry: {RETRY_MS}\ndata: \n\n".encode()

    @property
    def count(self) -> int:
        """The number of the last event."""
        return self._count

    def frame(self, message: bytes) -> bytes:
        """Return the next event."""
        self._count += 1
        return encode(message, event_id=f"{self.stream}-{self._count}{self._tail}")


class Recording:
    """The events of the stream that answers one request."""

    def __init__(self, owner: "Replays", session_id: str, request_id: bytes) -> None:
        self.marks = Marks(request_id)
        self.session_id = session_id
        self.is_over = False
        """Whether no event will follow."""
        self.reader: Reader | None = None
        """The stream of a client that came back; from then on it alone gets the events."""
        self._owner = owner
        self._request_id = request_id
        self._events: deque[tuple[int, bytes]] = deque()
        self._size_bytes = 0
        self._news = asyncio.Event()

    def add(self, message: bytes, *, is_answer: bool = False) -> bytes:
        """Keep a message and return its event."""
        frame = self.marks.frame(message)
        if not self.is_over:
            is_kept = not is_answer or len(frame) <= MAX_STREAM_BYTES
            kept = frame if is_kept else encode(_lost(self._request_id))
            self._events.append((self.marks.count, kept))
            self._resize(self._size_bytes + len(kept))
            self._news.set()
            if is_answer:
                self.end()
        return frame

    def events_after(self, number: int) -> list[tuple[int, bytes]]:
        """Return the events behind that number, with their own."""
        return [event for event in self._events if event[0] > number]

    def read_on(self, number: int) -> "Reader":
        """Hand the stream over to a client that knows the events up to that number."""
        if self.reader is not None:
            self.reader.end()
        self.reader = Reader(self, number)
        return self.reader

    async def changed(self) -> None:
        """Wait for an event, or the end."""
        self._news.clear()
        await self._news.wait()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._news.set()

    def end(self) -> None:
        """Note that no event will follow; what there is stays for a while."""
        if not self.is_over:
            self.is_over = True
            self._news.set()
            self._owner.keep_a_while(self)

    def forget(self) -> None:
        """Keep nothing any more, and take no one back."""
        self._owner.remove(self)
        self.is_over = True
        self._events.clear()
        self._resize(0)
        self._news.set()

    def _resize(self, size_bytes: int) -> None:
        before, self._size_bytes = self._size_bytes, size_bytes
        while self._size_bytes > MAX_STREAM_BYTES or len(self._events) > MAX_EVENTS:
            self._size_bytes -= len(self._events.popleft()[1])
        self._owner.resized(self._size_bytes - before)


class Reader:
    """A client that came back: gets what it missed, then what comes, up to the answer."""

    farewell = b""

    def __init__(self, recording: Recording, number: int) -> None:
        self._recording = recording
        self._number = number
        self._is_ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._is_ended:
            missed = self._recording.events_after(self._number)
            if missed:
                self._number, frame = missed[0]
                yield frame
            elif self._recording.is_over:
                return
            else:
                await self._recording.changed()

    def end(self) -> None:
        """Stop: the client left, or came back once more."""
        self._is_ended = True
        self._recording.wake()

    def close(self) -> None:
        """Leave the events to who comes back next."""


class Replays:
    """All recordings of this process."""

    def __init__(self) -> None:
        self._recordings: dict[str, Recording] = {}
        self._size_bytes = 0
        self._loop = asyncio.get_running_loop()

    def start(self, session_id: str, request_id: bytes) -> Recording:
        """Return the recording of a new stream."""
        recording = Recording(self, session_id, request_id)
        self._recordings[recording.marks.stream] = recording
        self.resized(0)
        return recording

    def resume(self, session_id: str, event_id: str) -> Reader | None:
        """Return what follows that event, None when its stream is not here or another session's."""
        found = _EVENT_ID.fullmatch(event_id)
        recording = self._recordings.get(found[1]) if found else None
        if found is None or recording is None or recording.session_id != session_id:
            return None
        return recording.read_on(int(found[2]))

    def keep_a_while(self, recording: Recording) -> None:
        """Forget a recording that is over, in a while."""
        self._loop.call_later(KEPT_S, recording.forget)

    def remove(self, recording: Recording) -> None:
        """Find a recording no more."""
        self._recordings.pop(recording.marks.stream, None)

    def resized(self, grown_bytes: int) -> None:
        """Note that a recording grew, and forget the oldest where there is too much."""
        self._size_bytes += grown_bytes
        while self._recordings and (
            len(self._recordings) > MAX_STREAMS or self._size_bytes > MAX_BYTES
        ):
            next(iter(self._recordings.values())).forget()
