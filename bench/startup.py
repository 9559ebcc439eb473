"""How long `mcpgw serve` takes from nothing to its first answered request."""

import asyncio
from time import perf_counter

from bench.client import ask
from bench.gateway import Installation
from bench.message import modern_body, modern_headers
from bench.process import BenchError, Process, output

FIRST_METHOD = "server/discover"
WAIT_S = 30.0
POLL_S = 0.002


async def first_answer(process: Process, installation: Installation) -> None:
    """Wait until the gateway has answered a request with a token.

    Raises:
        BenchError: it ended, or refuses, or did not answer in time.
    """
    headers = modern_headers(FIRST_METHOD)
    headers["Authorization"] = f"Bearer {installation.tokens['http']}"
    until = perf_counter() + WAIT_S
    while process.is_running and perf_counter() < until:
        try:
            status, _, said = ask(installation.port, "/ws/http", headers, modern_body(FIRST_METHOD))
        except ConnectionRefusedError:
            await asyncio.sleep(POLL_S)
            continue
        if status != 200 or b'"result"' not in said:
            raise BenchError(f"{FIRST_METHOD} was answered with {status}: {said[:300]!r}")
        return
    last_words = installation.log.read_text("utf-8").strip().rpartition("\n")[2]
    raise BenchError(f"mcpgw serve does not answer: {last_words}")


async def start_s(installation: Installation) -> float:
    """Return how long one start takes."""
    begun = perf_counter()
    async with installation.serving() as process:
        await first_answer(process, installation)
        return perf_counter() - begun


async def import_s() -> float:
    """Return how long Python takes to import the HTTP server that it stands on, and to end."""
    begun = perf_counter()
    await output("-c", "import aiohttp.web")
    return perf_counter() - begun
