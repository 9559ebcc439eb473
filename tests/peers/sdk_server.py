"""An MCP server on the official SDK 2.x, which serves both eras.

python sdk_server.py stdio
python sdk_server.py http        prints the port that it listens on
"""

import socket
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import BaseModel

server = MCPServer("sdk", version="1.0", instructions="say something", log_level="ERROR")


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
async def touch(uri: str, ctx: Context) -> str:
    """Say that a resource changed, and the list of tools."""
    await ctx.notify_resource_updated(uri)
    await ctx.notify_tools_changed()
    return "touched"


class Answer(BaseModel):
    """What `ask` asks for."""

    name: str


@server.tool()
async def ask(ctx: Context) -> str:
    """Ask the client for a name, and say it."""
    result = await ctx.elicit("who?", Answer)
    return result.data.name if result.action == "accept" else result.action


@server.resource("echo://hello")
def hello() -> str:
    """Greet."""
    return "hello"


def main() -> None:
    if sys.argv[1] == "stdio":
        server.run()
        return
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    app = server.streamable_http_app()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    main()
