"""All that is configured, as one frozen value: what a request is decided by.

It is read whole when the store changed and kept until it changes again; nothing else is cached.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpgw.errors import NotFound
from mcpgw.model.alert import Alert
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.model.ruling import Ruling
from mcpgw.model.secret import SealedSecret
from mcpgw.model.server import Server
from mcpgw.model.token import Token
from mcpgw.model.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Configuration:
    """A committed state of the configuration database.

    `version` is the store's change counter at the moment before reading. Servers stand in the
    order they were added; of a secret only the newest version is here.
    """

    version: int
    install_id: str
    workspaces: Mapping[str, Workspace]
    """By slug."""
    servers: Mapping[str, tuple[Server, ...]]
    """By workspace id."""
    secrets: Mapping[str, Mapping[str, SealedSecret]]
    """By server id, then name."""
    tokens: Mapping[bytes, Token]
    """By keyed digest."""
    slots: tuple[KeySlot, ...]
    datakeys: Mapping[str, DataKey]
    """By id."""
    rulings: Mapping[str, Mapping[str, Ruling]] = field(default_factory=dict)
    """By server id, then the server's own name of the tool."""
    alerts: Mapping[str, tuple[Alert, ...]] = field(default_factory=dict)
    """By workspace id."""

    def workspace(self, slug: str) -> Workspace:
        """Return the workspace.

        Raises:
            NotFound: there is none of that name.
        """
        found = self.workspaces.get(slug)
        if found is None:
            known = ", ".join(sorted(self.workspaces)) or "none yet"
            raise NotFound(f"no workspace {slug[:63]!r}", f"workspaces: {known}")
        return found

    def server(self, workspace_id: str, name: str) -> Server:
        """Return the server of that workspace.

        Raises:
            NotFound: there is none of that name.
        """
        servers = self.servers.get(workspace_id, ())
        for server in servers:
            if server.name == name:
                return server
        known = ", ".join(server.name for server in servers) or "none yet"
        raise NotFound(f"no server {name[:63]!r}", f"servers: {known}")

    def secrets_of(self, server: Server) -> Mapping[str, SealedSecret]:
        """Return the secrets of a server by name."""
        return self.secrets.get(server.id, {})

    def token(self, workspace_id: str, token_id: str) -> Token:
        """Return the token of that workspace.

        Raises:
            NotFound: there is none of that id.
        """
        for token in self.tokens.values():
            if token.id == token_id and token.workspace_id == workspace_id:
                return token
        raise NotFound(f"no token {token_id[:40]!r} in this workspace", "see: mcpgw token list")

    def tokens_of(self, workspace_id: str) -> tuple[Token, ...]:
        """Return the tokens of a workspace, oldest first."""
        mine = (token for token in self.tokens.values() if token.workspace_id == workspace_id)
        return tuple(sorted(mine, key=lambda token: token.created_at))

    def alert(self, workspace_id: str, alert_id: str) -> Alert:
        """Return the alert of that workspace.

        Raises:
            NotFound: there is none of that id.
        """
        for alert in self.alerts.get(workspace_id, ()):
            if alert.id == alert_id:
                return alert
        raise NotFound(f"no alert {alert_id[:40]!r} in this workspace", "see: mcpgw alert list")

    def has_datakey(self, kind: KeyKind) -> bool:
        """Say whether there is a data key of the house of that kind."""
        return any(key.kind is kind and not key.workspace_id for key in self.datakeys.values())

    def datakey(self, kind: KeyKind, workspace_id: str = "") -> DataKey:
        """Return the newest data key of that kind and workspace.

        Raises:
            NotFound: there is none; the data directory is not initialised.
        """
        mine = [
            key
            for key in self.datakeys.values()
            if key.kind is kind and key.workspace_id == workspace_id
        ]
        if not mine:
            raise NotFound(f"no {kind} key in the store", "run: mcpgw init")
        return max(mine, key=lambda key: key.version)
