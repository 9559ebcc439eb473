"""The gateway elsewhere as one object, with the attributes of `gateway.gateway.Gateway`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from msgspec import Raw

from mcpgw.cli.remote.audit import RemoteAudit
from mcpgw.cli.remote.connection import Connection, connected
from mcpgw.cli.remote.explain import RemoteExplanations
from mcpgw.cli.remote.installation import RemoteInstallation
from mcpgw.cli.remote.mcp import ask
from mcpgw.cli.remote.member import RemoteMembers
from mcpgw.cli.remote.secret import RemoteSecrets
from mcpgw.cli.remote.server import RemoteServers
from mcpgw.cli.remote.statistics import RemoteStatistics
from mcpgw.cli.remote.token import RemoteTokens
from mcpgw.cli.remote.tool import RemoteTools
from mcpgw.cli.remote.workspace import RemoteWorkspaces
from mcpgw.cli.target import Target
from mcpgw.web.wire.me import Me


@dataclass(frozen=True, slots=True)
class RemoteGateway:
    """What a command in one workspace may do there."""

    target: Target
    connection: Connection
    max_message_bytes: int
    installation: RemoteInstallation
    workspaces: RemoteWorkspaces
    servers: RemoteServers
    secrets: RemoteSecrets
    tokens: RemoteTokens
    members: RemoteMembers
    tools: RemoteTools
    explanations: RemoteExplanations
    audit: RemoteAudit
    statistics: RemoteStatistics

    async def me(self) -> Me:
        """Return what the gateway says of the token."""
        return await self.connection.get(Me, "/me")

    async def ask(self, method: str, params: Mapping[str, Raw], schema: bytes) -> bytes:
        """Return the response to an MCP request; `schema` is that of the tool it calls, or `{}`."""
        return await ask(self.target, method, params, schema, self.max_message_bytes)


@asynccontextmanager
async def open_remote(target: Target, max_message_bytes: int) -> AsyncIterator[RemoteGateway]:
    """Yield the gateway that serves a workspace elsewhere."""
    async with connected(target, max_message_bytes) as connection:
        tokens = RemoteTokens(connection)
        yield RemoteGateway(
            target=target,
            connection=connection,
            max_message_bytes=max_message_bytes,
            installation=RemoteInstallation(),
            workspaces=RemoteWorkspaces(connection),
            servers=RemoteServers(connection),
            secrets=RemoteSecrets(connection),
            tokens=tokens,
            members=RemoteMembers(connection, tokens),
            tools=RemoteTools(connection),
            explanations=RemoteExplanations(connection),
            audit=RemoteAudit(connection),
            statistics=RemoteStatistics(connection),
        )
