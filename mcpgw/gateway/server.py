"""Servers: add, list, show, remove, approve, enable, disable, test.

Nothing is saved before it was tried: a command that does not start or a URL that does not answer
is refused with its reason. Only what still lacks a secret is saved untried. What starts processes
is the operator's: a child process is added, approved, tried and removed at the box; an admin may
switch on and off what is approved, and no more.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mcpgw.errors import Conflict, InvalidInput
from mcpgw.gateway.current import Current
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Listed
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, ServerStore
from mcpgw.gateway.secret import Filler, Reach
from mcpgw.model.act import Act, ActKind, done_by
from mcpgw.model.configuration import Configuration
from mcpgw.model.policy import Action
from mcpgw.model.secret import Secret
from mcpgw.model.server import (
    HttpLaunch,
    Launch,
    Server,
    StdioLaunch,
    check_launch,
    check_prefix,
    check_server_name,
)
from mcpgw.model.token import Principal


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A server, the secrets it refers to, and those of them that are not set."""

    server: Server
    secret_names: tuple[str, ...]
    missing_secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test connection found: how many of each the server offers, and how long it took."""

    server: Server
    tools: int
    prompts: int
    resources: int
    duration_us: int


class Servers:
    """What can be done with servers."""

    def __init__(
        self,
        current: Current,
        store: ServerStore,
        listings: Listings,
        filler: Filler,
        clock: Clock,
    ) -> None:
        self._current = current
        self._store = store
        self._listings = listings
        self._filler = filler
        self._clock = clock

    async def add(
        self,
        principal: Principal,
        slug: str,
        name: str,
        launch: Launch,
        *,
        prefix: str | None = None,
        is_tried: bool = True,
        trial: Mapping[str, Secret] = MappingProxyType({}),
    ) -> tuple[ServerSeen, Tried | None]:
        """Add a server; it is tried before it is saved unless it lacks a secret.

        Args:
            principal: who asks; a child process can only be added at the box.
            slug: the workspace.
            name: how the server is called.
            launch: how it is started or reached.
            prefix: what stands before its names; None means `name`, empty leaves them unchanged.
            is_tried: whether to connect first.
            trial: secrets to connect with, which are not stored here.

        Raises:
            InvalidInput: name, prefix or launch is unusable.
            Conflict: the name is taken.
            UpstreamError: the server could not be reached or speaks no MCP; nothing was saved.
        """
        check_server_name(name)
        check_launch(launch)
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, _action(launch), workspace.id)
        if not principal.is_operator:
            _check_remote(launch)
        servers = configuration.servers.get(workspace.id, ())
        if any(server.name == name for server in servers):
            raise Conflict(
                f"{slug} has a server {name!r} already",
                f"remove it first: mcpgw server remove {name}",
            )
        server = Server(
            id=f"srv_{uuid.uuid4().hex[:12]}",
            workspace_id=workspace.id,
            name=name,
            prefix=check_prefix(name if prefix is None else prefix),
            launch=launch,
            is_enabled=True,
            created_at=self._clock.now(),
            is_private_allowed=principal.is_operator,
        )
        tried = None
        if is_tried and set(server.secret_names) <= set(trial):
            tried = await self._try(self._filler.reach(configuration, server, trial))
        await self._store.add(server, self._act(principal, ActKind.SERVER_ADD, server))
        return _seen(configuration, server), tried

    async def list(self, principal: Principal, slug: str) -> Sequence[ServerSeen]:
        """Return the servers of a workspace in the order they were added.

        Raises:
            NotFound: there is no such workspace.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_CONFIGURATION, workspace.id)
        return [_seen(configuration, one) for one in configuration.servers.get(workspace.id, ())]

    async def show(self, principal: Principal, slug: str, name: str) -> ServerSeen:
        """Return one server.

        Raises:
            NotFound: there is no such workspace or server.
        """
        configuration, server = await self._find(principal, Action.READ_CONFIGURATION, slug, name)
        return _seen(configuration, server)

    async def remove(self, principal: Principal, slug: str, name: str) -> None:
        """Remove a server and its secrets.

        Raises:
            NotFound: there is no such workspace or server.
            Forbidden: it is a child process, and `principal` is not the operator.
        """
        _, server = await self._find(principal, Action.READ_CONFIGURATION, slug, name)
        require(principal, _action(server.launch), server.workspace_id)
        await self._store.remove(server.id, self._act(principal, ActKind.SERVER_REMOVE, server))

    async def set_enabled(
        self, principal: Principal, slug: str, name: str, is_enabled: bool
    ) -> None:
        """Switch a server on or off; its tools come and go with it.

        Raises:
            NotFound: there is no such workspace or server.
            Forbidden: it is a child process that the operator has not approved.
        """
        _, server = await self._find(principal, Action.CHANGE_CONFIGURATION, slug, name)
        if not server.is_approved:
            require(principal, _action(server.launch), server.workspace_id)
        kind = ActKind.SERVER_ENABLE if is_enabled else ActKind.SERVER_DISABLE
        await self._store.set_enabled(server.id, is_enabled, self._act(principal, kind, server))

    async def set_approved(
        self, principal: Principal, slug: str, name: str, is_approved: bool
    ) -> None:
        """Let admins switch a child process on and off over HTTP, or not any more.

        Raises:
            NotFound: there is no such workspace or server.
            InvalidInput: it is no child process: admins may do everything with it anyway.
        """
        _, server = await self._find(principal, Action.OPERATE, slug, name)
        if not isinstance(server.launch, StdioLaunch):
            raise InvalidInput(
                f"{name} is reached by URL; admins may change it as it is",
                "only a server with a command needs approval",
            )
        kind = ActKind.SERVER_APPROVE if is_approved else ActKind.SERVER_WITHDRAW
        await self._store.set_approved(server.id, is_approved, self._act(principal, kind, server))

    async def test(self, principal: Principal, slug: str, name: str) -> Tried:
        """Connect to a server as configured and list what it offers.

        Raises:
            NotFound: there is no such workspace or server.
            Forbidden: it is a child process, and `principal` is not the operator.
            UpstreamError: it cannot be reached, lacks a secret, or speaks no MCP.
        """
        configuration, server = await self._find(principal, Action.READ_CONFIGURATION, slug, name)
        require(principal, _action(server.launch), server.workspace_id)
        return await self._try(self._filler.reach(configuration, server))

    def _act(self, principal: Principal, kind: ActKind, server: Server) -> Act:
        """Return the act of somebody on a server; of its launch only how it is reached."""
        is_process = isinstance(server.launch, StdioLaunch)
        detail = "a command" if is_process else "a URL"
        now = self._clock.now()
        return done_by(principal, now, kind, server.workspace_id, server.name, detail)

    async def _try(self, reach: Reach) -> Tried:
        begun_ns = self._clock.monotonic_ns()
        listed = await self._listings.fetch(reach)
        return Tried(
            reach.server,
            tools=_count(listed, "tools/list"),
            prompts=_count(listed, "prompts/list"),
            resources=_count(listed, "resources/list"),
            duration_us=(self._clock.monotonic_ns() - begun_ns) // 1000,
        )

    async def _find(
        self, principal: Principal, action: Action, slug: str, name: str
    ) -> tuple[Configuration, Server]:
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, action, workspace.id)
        return configuration, configuration.server(workspace.id, name)


def _check_remote(launch: Launch) -> None:
    """Refuse what only the operator may add: its credentials would cross the network readable."""
    if isinstance(launch, HttpLaunch) and not launch.url.lower().startswith("https:"):
        raise InvalidInput(
            "a server that is added over HTTP must have an https URL",
            "the operator can add others, at the box: mcpgw server add",
        )


def _action(launch: Launch) -> Action:
    """Return what adding, trying or removing a server asks for: HTTP never makes a process."""
    is_process = isinstance(launch, StdioLaunch)
    return Action.OPERATE if is_process else Action.CHANGE_CONFIGURATION


def _count(listed: Listed, method: str) -> int:
    return len(listed.items.get(method, ()))


def _seen(configuration: Configuration, server: Server) -> ServerSeen:
    sealed = configuration.secrets_of(server)
    missing = tuple(name for name in server.secret_names if name not in sealed)
    return ServerSeen(server, server.secret_names, missing)
