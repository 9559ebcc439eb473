"""A client on PyPI `mcp` 1.x: carries out the plan on stdin, as client_mcp2.py says.

In the mode `sse` it speaks HTTP+SSE, the transport of the first revision.
Runs in an environment of its own, because 1.x and 2.x cannot be installed together.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client


async def step(session: ClientSession, method: str, parameters: dict[str, Any]) -> Any:
    if method == "wait":
        return await asyncio.to_thread(wait, **parameters)
    if method == "call":
        seen: list[float] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)

        result = await session.call_tool(**parameters, progress_callback=on_progress)
        return {**plain(result), "progress": seen}
    return plain(await getattr(session, method)(**parameters))


def wait(reached: str, go_on: str) -> dict[str, Any]:
    """Make the file `reached`, then wait for the file `go_on`."""
    Path(reached).touch()
    while not Path(go_on).exists():
        time.sleep(0.05)
    return {}


def plain(result: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped


def way(plan: dict[str, Any]) -> Any:
    """Return the transport to the URL of the plan, or to its command."""
    if "command" in plan:
        program, *arguments = plan["command"]
        environment = plan["environment"]
        return stdio_client(StdioServerParameters(command=program, args=arguments, env=environment))
    transport = sse_client if plan["mode"] == "sse" else streamablehttp_client
    return transport(plan["url"], headers={"Authorization": f"Bearer {plan['token']}"})


async def main() -> None:
    plan = json.load(sys.stdin)
    async with (
        way(plan) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        opened = await session.initialize()
        results = []
        for method, parameters in plan["steps"]:
            try:
                results.append(await step(session, method, parameters))
            except Exception as error:
                results.append({"error": str(error)})
        sys.stdout.write(
            json.dumps(
                {
                    "version": opened.protocolVersion,
                    "server": opened.serverInfo.name,
                    "instructions": opened.instructions,
                    "results": results,
                }
            )
        )


asyncio.run(main())
