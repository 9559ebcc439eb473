"""Tools: list with their classes, rule on what they do, count what a token sees of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mcpgw.errors import NotFound
from mcpgw.gateway.access import Access, Admission
from mcpgw.gateway.current import Current
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Offer, Target
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock, RulingStore
from mcpgw.gateway.ruling import Rulings
from mcpgw.model.act import ActKind, done_by
from mcpgw.model.configuration import Configuration
from mcpgw.model.policy import Action
from mcpgw.model.ruling import Ruling
from mcpgw.model.token import Principal
from mcpgw.model.tool_class import Classed, ToolClass
from mcpgw.model.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ToolSeen:
    """A tool: its exposed name, its server, what that calls it, and what it does to the world."""

    exposed: str
    server: str
    name: str
    classed: Classed


@dataclass(frozen=True, slots=True)
class Visible:
    """How many of a workspace's tools somebody sees.

    `absence` says why it is none, empty when it is not; `problems` why servers are missing, by
    name.
    """

    tools: int
    all_tools: int
    absence: str
    problems: tuple[tuple[str, str], ...]


class Tools:
    """What can be done with tools beside calling them."""

    def __init__(
        self,
        current: Current,
        access: Access,
        store: RulingStore,
        rulings: Rulings,
        listings: Listings,
        clock: Clock,
    ) -> None:
        self._current = current
        self._access = access
        self._store = store
        self._rulings = rulings
        self._listings = listings
        self._clock = clock

    async def list(self, principal: Principal, slug: str) -> Sequence[ToolSeen]:
        """Return the tools of a workspace in the order of its servers; asks servers if need be.

        Raises:
            NotFound: there is no such workspace.
        """
        _, _, offer = await self._offer(principal, Action.READ_CONFIGURATION, slug)
        return [_seen(exposed, target) for exposed, target in offer.tools.items()]

    async def show(self, principal: Principal, slug: str, exposed: str) -> ToolSeen:
        """Return one tool.

        Raises:
            NotFound: there is no such workspace or tool.
        """
        _, workspace, offer = await self._offer(principal, Action.READ_CONFIGURATION, slug)
        return _seen(exposed, _target(workspace, offer, exposed))

    async def rule(
        self, principal: Principal, slug: str, exposed: str, kind: ToolClass | None
    ) -> ToolSeen:
        """Say what a tool does to the world, or (None) leave it to its server and its name again.

        The ruling stays with the server's own name of the tool.

        Raises:
            NotFound: there is no such workspace or tool, or no ruling to take back.
            VaultLocked: the master key is not here.
        """
        configuration, workspace, offer = await self._offer(
            principal, Action.CHANGE_CONFIGURATION, slug
        )
        target = _target(workspace, offer, exposed)
        server_id = target.reach.server.id
        now, said = self._clock.now(), "auto" if kind is None else kind.value
        act = done_by(principal, now, ActKind.TOOL_CLASS, workspace.id, exposed, said)
        if kind is None:
            await self._store.remove(server_id, target.name, act)
        else:
            ruling = Ruling(server_id, target.name, kind, now)
            await self._store.put(self._rulings.signed(configuration, ruling), act)
        _, _, offer = await self._offer(principal, Action.CHANGE_CONFIGURATION, slug)
        return _seen(exposed, offer.tools.get(exposed, target))

    async def seen_by_token(self, principal: Principal, slug: str, token_id: str) -> Visible:
        """Count what a token sees; asks servers if need be.

        Raises:
            NotFound: there is no such workspace or token.
        """
        configuration, workspace, offer = await self._offer(
            principal, Action.READ_CONFIGURATION, slug
        )
        token = configuration.token(workspace.id, token_id)
        return _visible(offer, self._access.principal_of(token, configuration))

    async def seen_by(self, admission: Admission) -> Visible:
        """Count what somebody who was let in sees."""
        offer = await self._listings.offer(admission.configuration, admission.workspace)
        return _visible(offer, admission.principal)

    async def _offer(
        self, principal: Principal, action: Action, slug: str
    ) -> tuple[Configuration, Workspace, Offer]:
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, action, workspace.id)
        return configuration, workspace, await self._listings.offer(configuration, workspace)


def _target(workspace: Workspace, offer: Offer, exposed: str) -> Target:
    target = offer.tools.get(exposed)
    if target is None:
        near = get_close_matches(exposed, offer.tools, n=1)
        hint = f"did you mean {near[0]}?" if near else "see: mcpgw tool list"
        raise NotFound(f"no tool {exposed[:80]!r} in {workspace.slug}", hint)
    return target


def _seen(exposed: str, target: Target) -> ToolSeen:
    assert target.classed is not None  # noqa: S101  (every tool is classed)
    return ToolSeen(exposed, target.reach.server.name, target.name, target.classed)


def _visible(offer: Offer, principal: Principal) -> Visible:
    view = offer.seen_by(principal)
    return Visible(len(view.tools), len(offer.tools), view.absence, tuple(view.problems.items()))
