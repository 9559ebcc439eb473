"""Secrets of a gateway elsewhere: a value goes there, and does not come back."""

from collections.abc import Sequence

from mcpgw.cli.remote.connection import Connection, segment
from mcpgw.gateway.secret import SecretSeen
from mcpgw.model.secret import Secret as SecretText
from mcpgw.model.token import Principal
from mcpgw.web.wire.page import PageQuery
from mcpgw.web.wire.secret import Secret, SecretValue


class RemoteSecrets:
    """As `gateway.secret.Secrets`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def set(
        self, principal: Principal, slug: str, server_name: str, name: str, value: SecretText
    ) -> SecretSeen:
        """Set a secret of one server."""
        body = SecretValue(value=value.reveal())
        answer = await self._connection.ask("PUT", _path(server_name, name), body)
        return answer.read(Secret).seen()

    async def list(self, principal: Principal, slug: str) -> Sequence[SecretSeen]:
        """Return the secrets."""
        found = await self._connection.get_all(Secret, "/secrets", PageQuery())
        return [one.seen() for one in found]

    async def delete(self, principal: Principal, slug: str, server_name: str, name: str) -> None:
        """Delete a secret."""
        await self._connection.ask("DELETE", _path(server_name, name))


def _path(server: str, name: str) -> str:
    return f"/servers/{segment('server', server)}/secrets/{segment('secret', name)}"
