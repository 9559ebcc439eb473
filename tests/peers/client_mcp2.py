"""A client on PyPI `mcp` 2.x: carries out the plan on stdin, prints what it got as JSON.

The plan is {"url", "token", "mode", "steps": [[method, {parameters}], ...]}; the answer
{"version", "server", "instructions", "results": [...]}, a failed step as {"error": text}.
A plan with a "command" (a list) and its "environment" starts that instead, and speaks stdio.
The step "wait" asks nothing: it makes one file and waits for another.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def step(client: Client, method: str, parameters: dict[str, Any]) -> Any:
    if method == "wait":
        return await asyncio.to_thread(wait, **parameters)
    if method == "call":
        seen: list[float] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)

        result = await client.call_tool(**parameters, progress_callback=on_progress)
        return {**plain(result), "progress": seen}
    return plain(await getattr(client, method)(**parameters))


def wait(reached: str, go_on: str) -> dict[str, Any]:
    """Make the file `reached`, then wait for the file `go_on`."""
    Path(reached).touch()
    while not Path(go_on).exists():
        time.sleep(0.05)
    return {}


def plain(result: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped


async def main() -> None:
    plan = json.load(sys.stdin)
    headers = {"Authorization": f"Bearer {plan['token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport: Any = streamable_http_client(plan["url"], http_client=http)
        if "command" in plan:
            program, *arguments = plan["command"]
            environment = plan["environment"]
            transport = StdioServerParameters(command=program, args=arguments, env=environment)
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
