"""A legacy MCP server over HTTP+SSE, on the official SDK 1.x; runs in its environment.

python sse_mcp1.py        prints the port that it listens on
"""

import socket
import sys

import uvicorn
from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("sse", instructions="say something", log_level="ERROR")


@server.tool()
def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool()
async def progress(steps: int, ctx: Context) -> str:
    """Report some progress."""
    for step in range(steps):
        await ctx.report_progress(step, steps)
    return "done"


@server.tool()
async def touch(ctx: Context) -> str:
    """Say that the list of tools changed."""
    await ctx.session.send_tool_list_changed()
    return "touched"


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(server.sse_app(), log_level="error", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
