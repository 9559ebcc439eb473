"""The gateway under measurement: the real command, on data of its own that ends with the run.

Set up by the command line as a person would: default settings, a token, the journal on.
"""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct, json

from bench.process import ROOT, Process, free_port, output, running
from mcpgw.config import base_environment

SERVERS = 10
TOOLS_EACH = 30

TARGETS = {"http": "/tools/2/one", "legacy": "/legacy/2/one"}
"""The workspaces with one HTTP server, and its path."""

STDIO, MANY = "stdio", "many"
"""The workspaces with one stdio server, and with many HTTP servers."""

SERVER = "fast"
"""The name of the one server of a workspace: its tools are called `fast__echo`, `fast__big`."""


class _Issued(Struct):
    token: str


@dataclass(frozen=True, slots=True)
class Installation:
    """A data directory that is ready to be served. `tokens` are by workspace."""

    environment: dict[str, str]
    log: Path
    port: int
    tokens: dict[str, str]

    def copied(self, durability: str) -> "Installation":
        """Return the same data once more, to be served with another durability of the journal."""
        data = Path(self.environment["MCPGW_HOME"])
        copy = data.with_name(f"{data.name}-{durability}")
        shutil.copytree(data, copy)
        environment = self.environment | {
            "MCPGW_HOME": str(copy),
            "MCPGW_DURABILITY": durability,
        }
        log = self.log.with_name(f"serve-{durability}.log")
        return replace(self, environment=environment, log=log, port=free_port())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Process]:
        """Run `mcpgw serve`; it may not listen yet."""
        arguments = ("-m", "mcpgw", "serve", "--port", str(self.port))
        async with running(*arguments, environment=self.environment, log=self.log) as process:
            yield process


@asynccontextmanager
async def installed(upstream_port: int) -> AsyncIterator[Installation]:
    """Set up a gateway in front of the HTTP upstream on that port, and of stdio ones."""
    with TemporaryDirectory(prefix="mcpgw-bench-") as name:
        directory = Path(name)
        environment = {
            **base_environment(),
            "HOME": name,
            "MCPGW_HOME": str(directory / "data"),
            "MCPGW_MASTER_KEY_FILE": str(directory / "key" / "master.key"),
            "MCPGW_LOG_LEVEL": "warning",
        }

        async def mcpgw(*arguments: str) -> bytes:
            return await output("-m", "mcpgw", *arguments, environment=environment)

        await mcpgw("init", "--yes")
        origin = f"http://127.0.0.1:{upstream_port}"
        servers: dict[str, list[tuple[str, ...]]] = {
            workspace: [(SERVER, origin + path)] for workspace, path in TARGETS.items()
        }
        child = (sys.executable, "-m", "bench.upstream_stdio")
        servers[STDIO] = [(SERVER, "--cwd", str(ROOT), "--", *child)]
        servers[MANY] = [
            (f"server{number}", f"{origin}/tools/{TOOLS_EACH}/{number}")
            for number in range(SERVERS)
        ]
        tokens = {}
        for workspace, added in servers.items():
            await mcpgw("workspace", "create", workspace)
            for arguments in added:
                await mcpgw("server", "add", "-w", workspace, *arguments)
            issued = await mcpgw(
                "token", "issue", "-w", workspace, "--member", "bench", "--no-test", "--json"
            )
            tokens[workspace] = json.decode(issued, type=_Issued).token
        yield Installation(environment, directory / "serve.log", free_port(), tokens)
