"""Workspaces: create, list, show, set, delete."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mcpgw.errors import Conflict
from mcpgw.gateway.access import SETTINGS_PURPOSE
from mcpgw.gateway.current import Current
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, Vault, WorkspaceStore
from mcpgw.model.act import ActKind, done_by
from mcpgw.model.key import KeyKind
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal
from mcpgw.model.workspace import Workspace, WorkspaceSettings, check_settings, check_slug


@dataclass(frozen=True, slots=True)
class WorkspaceSeen:
    """A workspace and how much stands in it."""

    workspace: Workspace
    servers: int
    secrets: int
    tokens: int


class Workspaces:
    """What can be done with workspaces."""

    def __init__(
        self, current: Current, store: WorkspaceStore, keys: Keys, vault: Vault, clock: Clock
    ) -> None:
        self._current = current
        self._store = store
        self._keys = keys
        self._vault = vault
        self._clock = clock

    async def create(self, principal: Principal, slug: str) -> Workspace:
        """Make a workspace and the key that seals its secrets.

        Raises:
            InvalidInput: the slug has another shape.
            Conflict: the slug is taken.
            VaultLocked: the master key is not here.
        """
        check_slug(slug)
        require(principal, Action.OPERATE, None)
        configuration = await self._current.configuration()
        if slug in configuration.workspaces:
            raise Conflict(f"the workspace {slug!r} exists already", "see: mcpgw workspace list")
        self._keys.unlock(configuration)
        now = self._clock.now()
        workspace = Workspace(uuid.uuid4().hex, slug, now)
        key = self._vault.new_datakey(KeyKind.WORKSPACE, workspace.id, 1, now)
        act = done_by(principal, now, ActKind.WORKSPACE_CREATE, workspace.id, slug)
        await self._store.add(workspace, key, act)
        return workspace

    async def list(self, principal: Principal) -> Sequence[WorkspaceSeen]:
        """Return all workspaces by slug."""
        require(principal, Action.OPERATE, None)
        configuration = await self._current.configuration()
        return [await self.show(principal, slug) for slug in sorted(configuration.workspaces)]

    async def show(self, principal: Principal, slug: str) -> WorkspaceSeen:
        """Return one workspace.

        Raises:
            NotFound: there is none of that name.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_CONFIGURATION, workspace.id)
        servers = configuration.servers.get(workspace.id, ())
        return WorkspaceSeen(
            workspace,
            servers=len(servers),
            secrets=sum(len(configuration.secrets_of(server)) for server in servers),
            tokens=len(configuration.tokens_of(workspace.id)),
        )

    async def set(self, principal: Principal, slug: str, settings: WorkspaceSettings) -> Workspace:
        """Set what holds for all tokens of a workspace; it counts from the next request on.

        Raises:
            InvalidInput: a bound or a time is unusable.
            NotFound: there is none of that name.
            VaultLocked: the master key is not here.
        """
        settings = check_settings(settings)
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.CHANGE_CONFIGURATION, workspace.id)
        key = self._keys.newest(configuration, KeyKind.TOKEN)
        changed = workspace.with_settings(settings)
        mac = self._vault.digest(key, SETTINGS_PURPOSE, changed.decisive_fields())
        changed = workspace.with_settings(settings, mac)
        now, said = self._clock.now(), _told(settings)
        act = done_by(principal, now, ActKind.WORKSPACE_SET, workspace.id, slug, said)
        await self._store.set_settings(changed, act)
        return changed

    async def delete(self, principal: Principal, slug: str) -> None:
        """Delete a workspace with its servers, secrets, tokens and the key of its secrets.

        Raises:
            NotFound: there is none of that name.
        """
        require(principal, Action.OPERATE, None)
        configuration = await self._current.configuration()
        workspace, now = configuration.workspace(slug), self._clock.now()
        act = done_by(principal, now, ActKind.WORKSPACE_DELETE, workspace.id, slug)
        await self._store.remove(workspace.id, act)


def _told(settings: WorkspaceSettings) -> str:
    """Return as JSON what is set to something."""
    said = msgspec.to_builtins(settings)
    said |= said.pop("bounds")
    return msgspec.json.encode({name: value for name, value in said.items() if value}).decode()
