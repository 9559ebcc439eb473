"""Asks an HTTP server the same thing at a pace, over some connections, and says how it went.

    python pacer.py HOST PORT CONNECTIONS PER_SECOND SECONDS < request

The request is a whole one, head and body. Prints JSON: how many answers came by status, how many of
those with 429 said when to come again, and the times in milliseconds (p50, p99, the longest),
counted from when each request was due: a connection that is late asks at once, so a slow server is
not spared.
"""

import asyncio
import json
import re
import sys
import time

HOST, PORT = sys.argv[1], int(sys.argv[2])
CONNECTIONS, PER_SECOND, SECONDS = int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
REQUEST = sys.stdin.buffer.read()
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

statuses: dict[int, int] = {}
times_ms: list[float] = []
hints = 0


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due_at: float) -> None:
    global hints
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    assert found is not None
    await reader.readexactly(int(found[1]))
    status = int(head[9:12])
    statuses[status] = statuses.get(status, 0) + 1
    hints += status == 429 and b"retry-after:" in head.lower()
    times_ms.append((time.perf_counter() - due_at) * 1000)


async def connection(number: int, begun_at: float) -> None:
    reader, writer = await asyncio.open_connection(HOST, PORT)
    pause_s = CONNECTIONS / PER_SECOND
    due_at = begun_at + number * pause_s / CONNECTIONS
    while max(due_at, time.perf_counter()) < begun_at + SECONDS:
        await asyncio.sleep(due_at - time.perf_counter())
        await ask(reader, writer, due_at)
        due_at += pause_s
    writer.close()


async def main() -> None:
    begun_at = time.perf_counter()
    async with asyncio.timeout(SECONDS + 60):
        await asyncio.gather(*(connection(one, begun_at) for one in range(CONNECTIONS)))
    ordered = sorted(times_ms)
    print(  # noqa: T201  (what it is for)
        json.dumps(
            {
                "statuses": statuses,
                "hints": hints,
                "p50_ms": ordered[len(ordered) // 2],
                "p99_ms": ordered[int(len(ordered) * 0.99)],
                "longest_ms": ordered[-1],
            }
        )
    )


asyncio.run(main())
