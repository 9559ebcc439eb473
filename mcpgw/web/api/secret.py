"""Secrets: a value goes in and never comes out."""

from mcpgw.gateway.secret import Secrets as SecretsOfServers
from mcpgw.gateway.secret import SecretSeen
from mcpgw.model.secret import Secret as SecretText
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.api.paging import Key, page_of
from mcpgw.web.wire.page import Page, PageQuery, Query
from mcpgw.web.wire.secret import Secret, SecretValue


class SecretApi:
    """Handlers."""

    def __init__(self, secrets: SecretsOfServers) -> None:
        self._secrets = secrets

    async def list(self, asked: Asked[PageQuery, None]) -> Page[Secret]:
        """List the secrets, those too that a server refers to but that are not set."""
        seen = await self._secrets.list(asked.principal, asked.slug)
        return page_of(seen, asked.query, _order, Secret.of)

    async def show(self, asked: Asked[Query, None]) -> Secret:
        """Show what is known of a secret; never its value."""
        seen = await self._secrets.show(asked.principal, asked.slug, *_which(asked))
        return Secret.of(seen)

    async def set(self, asked: Asked[Query, SecretValue]) -> Secret:
        """Set a secret of a server; the next call uses it."""
        value = SecretText(asked.body.value)
        seen = await self._secrets.set(asked.principal, asked.slug, *_which(asked), value)
        return Secret.of(seen)

    async def delete(self, asked: Asked[Query, None]) -> None:
        """Delete a secret in all its versions."""
        await self._secrets.delete(asked.principal, asked.slug, *_which(asked))


def _which(asked: Asked[Query, None] | Asked[Query, SecretValue]) -> tuple[str, str]:
    return asked.values["server"], asked.values["secret"]


def _order(seen: SecretSeen) -> Key:
    return seen.server, seen.name
