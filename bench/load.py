"""Asks one server the same thing again and again, over some connections, and checks every answer.

Runs in a process of its own (`python -m bench.load`): a `Load` as JSON on stdin, an `Outcome` as
JSON on stdout. Closed loop: a connection asks again when it was answered. Far cheaper than anything
that it measures: a request is one join, a right answer is known by one comparison.
"""

import asyncio
import random
import re
import sys
from array import array
from itertools import count
from time import perf_counter, process_time
from typing import cast

import uvloop
from msgspec import Struct, ValidationError, json

from bench.message import FIRST_NUMBER, LAST_NUMBER

MAX_CALLS = 3_000_000
ANSWER_S = 15.0
"""How much longer than planned the whole may take: an answer that does not come is an error."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Load(Struct):
    """What to ask, and what must come. `request` is in pieces: a number goes between each two.

    The answer to a call has the number as its id, and as text the nonce `nonce-NUMBER`, padded to
    `text_bytes`; with `tool_count` it is a list of that many tools instead. With `is_function` it
    is a message for OpenAI, which answers the call `call-NUMBER`.
    """

    port: int
    request: list[bytes]
    connections: int
    warm_s: float
    measured_s: float
    text_bytes: int = 0
    tool_count: int = 0
    is_function: bool = False


class Outcome(Struct):
    """What came of it. `all_calls` counts those before and after the measured time too."""

    calls: int
    all_calls: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


class WrongAnswer(Exception):
    """An answer is not the one that was to come; the run is worth nothing."""


class _Text(Struct):
    text: str


class _Named(Struct):
    name: str


class _Result(Struct):
    content: list[_Text] = []
    tools: list[_Named] = []


class _Answer(Struct):
    id: int
    result: _Result


class _Message(Struct):
    tool_call_id: str
    content: str


class _Messages(Struct):
    messages: list[_Message]


_decoder = json.Decoder(_Answer)
_messages_decoder = json.Decoder(_Messages)


def check(load: Load, number: int, body: bytes) -> None:
    """Look at an answer whole.

    Raises:
        WrongAnswer: it does not answer the call of that number as it must.
    """
    if load.is_function:
        _check_message(number, body)
        return
    try:
        answer = _decoder.decode(body)
    except ValidationError:
        raise WrongAnswer(f"no result: {body[:300]!r}") from None
    if answer.id != number:
        raise WrongAnswer(f"asked with id {number}, answered with id {answer.id}")
    if load.tool_count:
        found = len({tool.name for tool in answer.result.tools})
        if found != load.tool_count or len(answer.result.tools) != found:
            raise WrongAnswer(f"{load.tool_count} tools wanted, {found} came")
        return
    wanted = f"nonce-{number}".ljust(load.text_bytes, ".")
    if [item.text for item in answer.result.content] != [wanted]:
        raise WrongAnswer(f"the nonce did not come back: {body[:300]!r}")


def _check_message(number: int, body: bytes) -> None:
    try:
        (message,) = _messages_decoder.decode(body).messages
    except ValueError:
        raise WrongAnswer(f"no message: {body[:300]!r}") from None
    if message.tool_call_id != f"call-{number}":
        raise WrongAnswer(f"call-{number} was answered as {message.tool_call_id}")
    if message.content != f"nonce-{number}":
        raise WrongAnswer(f"the nonce did not come back: {body[:300]!r}")


class Run:
    """One load under way: what its connections share."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.latencies_s = array("d")
        self.all_calls = 0
        self.is_over = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        start = random.SystemRandom().randrange(FIRST_NUMBER, LAST_NUMBER - 10 * MAX_CALLS)
        self._numbers = count(start)
        self._answer_pieces: list[bytes] | None = None
        self._open_count = load.connections

    def next_number(self) -> int:
        """Return a number that no other call has."""
        return next(self._numbers)

    def take(self, number: int, body: bytes, seconds: float) -> None:
        """Check an answer and count it.

        Raises:
            WrongAnswer: it is wrong.
        """
        written = b"%d" % number
        if self._answer_pieces is None or written.join(self._answer_pieces) != body:
            check(self.load, number, body)
            # The next right answers are this one with another number: one comparison tells.
            self._answer_pieces = body.split(written)
        self.all_calls += 1
        self.latencies_s.append(seconds)
        if self.all_calls > MAX_CALLS:
            self.fail(WrongAnswer(f"more than {MAX_CALLS} calls: measure for a shorter time"))

    def leave(self) -> None:
        """Count a connection out."""
        self._open_count -= 1
        if not self._open_count and not self.ended.done():
            self.ended.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the run: its figures would mean nothing."""
        self.is_over = True
        if not self.ended.done():
            self.ended.set_exception(error)


class Caller(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._number = 0
        self._sent_at = 0.0
        self._received: list[bytes] = []
        self._received_bytes = 0
        self._awaited_bytes = 1
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take an answer once it is whole, and ask again."""
        self._received.append(data)
        self._received_bytes += len(data)
        if self._received_bytes < self._awaited_bytes:
            return
        answer = data if len(self._received) == 1 else b"".join(self._received)
        head_bytes = answer.find(b"\r\n\r\n") + 4
        if head_bytes < 4:
            self._awaited_bytes = self._received_bytes + 1
            return
        try:
            self._awaited_bytes = head_bytes + _body_bytes(answer[:head_bytes])
            if self._received_bytes < self._awaited_bytes:
                self._received = [answer]
                return
            seconds = perf_counter() - self._sent_at
            self._run.take(self._number, answer[head_bytes:], seconds)
        except WrongAnswer as error:
            self._run.fail(error)
        if self._run.is_over:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """End, which only we may begin."""
        if not self._run.is_over:
            self._run.fail(WrongAnswer("the server closed a connection"))
        self._run.leave()

    def _ask(self) -> None:
        self._received.clear()
        self._received_bytes = 0
        self._awaited_bytes = 1
        self._number = self._run.next_number()
        request = (b"%d" % self._number).join(self._run.load.request)
        self._sent_at = perf_counter()
        self._transport.write(request)


async def run_load(load: Load) -> Outcome:
    """Ask for the planned time.

    Raises:
        WrongAnswer: an answer was wrong.
        TimeoutError: one did not come.
        OSError: the server cannot be reached.
    """
    run = Run(load)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(load.warm_s + load.measured_s + ANSWER_S):
        for _ in range(load.connections):
            await loop.create_connection(lambda: Caller(run), "127.0.0.1", load.port)
        await asyncio.wait([run.ended], timeout=load.warm_s)
        first, started, cpu_s = len(run.latencies_s), perf_counter(), process_time()
        await asyncio.wait([run.ended], timeout=load.measured_s)
        calls = len(run.latencies_s) - first
        seconds, cpu_s = perf_counter() - started, process_time() - cpu_s
        run.is_over = True
        await run.ended
    ordered = sorted(run.latencies_s[first : first + calls])
    if not ordered:
        raise TimeoutError
    return Outcome(
        calls=calls,
        all_calls=run.all_calls,
        seconds=seconds,
        p50_ms=ordered[calls // 2] * 1e3,
        p99_ms=ordered[calls * 99 // 100] * 1e3,
        cpu_us=cpu_s / calls * 1e6,
    )


def _body_bytes(head: bytes) -> int:
    """Return how long the body is that follows. Raises WrongAnswer when nothing good follows."""
    length = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise WrongAnswer(f"no plain answer: {head[:300]!r}")
    return int(length[1])


def main() -> int:
    """Run the load that stdin describes."""
    load = json.decode(sys.stdin.buffer.read(), type=Load)
    try:
        outcome = uvloop.run(run_load(load))
    except (WrongAnswer, OSError, TimeoutError) as error:
        sys.stderr.write(f"{str(error) or 'no answer in time'}\n")
        return 1
    sys.stdout.buffer.write(json.encode(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
