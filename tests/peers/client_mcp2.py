"""A client on PyPI `mcp` 2.x: carries out the plan on stdin, prints what it got as JSON.

The plan is {"url", "token", "mode", "steps": [[method, {parameters}], ...]}; the answer
{"version", "server", "instructions", "results": [...]}, a failed step as {"error": text}.
"""

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def step(client: Client, method: str, parameters: dict[str, Any]) -> Any:
    if method == "call":
        seen: list[float] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)

        result = await client.call_tool(**parameters, progress_callback=on_progress)
        return {**plain(result), "progress": seen}
    return plain(await getattr(client, method)(**parameters))


def plain(result: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped


async def main() -> None:
    plan = json.load(sys.stdin)
    headers = {"Authorization": f"Bearer {plan['token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(plan["url"], http_client=http)
        async with Client(transport, mode=plan.get("mode", "auto"), cache=None) as client:
            results = []
            for method, parameters in plan["steps"]:
                try:
                    results.append(await step(client, method, parameters))
                except Exception as error:
                    results.append({"error": str(error)})
            info = client.server_info
            sys.stdout.write(
                json.dumps(
                    {
                        "version": client.protocol_version,
                        "server": info.name if info else None,
                        "instructions": client.instructions,
                        "results": results,
                    }
                )
            )


asyncio.run(main())
