"""A client on PyPI `mcp` 1.x: carries out the plan on stdin, as client_mcp2.py says.

Runs in an environment of its own, because 1.x and 2.x cannot be installed together.
"""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def step(session: ClientSession, method: str, parameters: dict[str, Any]) -> Any:
    if method == "call":
        seen: list[float] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)

        result = await session.call_tool(**parameters, progress_callback=on_progress)
        return {**plain(result), "progress": seen}
    return plain(await getattr(session, method)(**parameters))


def plain(result: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped


async def main() -> None:
    plan = json.load(sys.stdin)
    headers = {"Authorization": f"Bearer {plan['token']}"}
    async with (
        streamablehttp_client(plan["url"], headers=headers) as (read, write, _),
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
