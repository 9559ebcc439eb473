"""Why a tool is shown to a token, hidden from it or refused: asked of the code that decides.

Nothing here decides anything. The checks stand in the order in which a call meets them; the first
that fails is the reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from mcpgw.gateway.access import Access
from mcpgw.gateway.current import Current
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.offer import Offer
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Clock
from mcpgw.gateway.throttle import Throttle
from mcpgw.model.configuration import Configuration
from mcpgw.model.policy import Action, decide
from mcpgw.model.server import Server
from mcpgw.model.token import Principal, Token
from mcpgw.model.workspace import Workspace


class Verdict(StrEnum):
    """What becomes of a tool for a token."""

    SHOWN = "shown"
    """It is listed, and calls are served."""
    HIDDEN = "hidden"
    """It is not listed, and a call is answered as if there were no such tool."""
    REFUSED = "refused"
    """Requests of the token are refused, or calls for now."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fails` is what failing means; None when it passed."""

    name: str
    detail: str
    fails: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a tool for a token, why, and all that was looked at."""

    token_id: str
    tool: str
    verdict: Verdict
    reason: str
    checks: tuple[Check, ...]


class Explanations:
    """Explains."""

    def __init__(
        self,
        current: Current,
        access: Access,
        keys: Keys,
        listings: Listings,
        throttle: Throttle,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._current = current
        self._access = access
        self._listings = listings
        self._throttle = throttle
        self._clock = clock

    async def explain(
        self,
        principal: Principal,
        slug: str,
        token_id: str,
        tool: str,
        address: str | None = None,
    ) -> Explanation:
        """Explain what a token gets of a tool, used from an address if one is given.

        Raises:
            NotFound: there is no such workspace or token.
            VaultLocked: the master key is not here.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_CONFIGURATION, workspace.id)
        self._keys.unlock(configuration)
        token = configuration.token(workspace.id, token_id)
        bearer = self._access.principal_of(token, configuration)
        offer = await self._listings.offer(configuration, workspace)
        checks = (
            self._check_token(configuration, token, bearer),
            _check_role(bearer, workspace, address),
            *_check_tool(configuration, workspace, offer, bearer, tool),
            self._check_limits(bearer),
        )
        failed = next((check for check in checks if check.fails is not None), None)
        if failed is None:
            reason = "every check passes"
            return Explanation(token_id, tool, Verdict.SHOWN, reason, checks)
        assert failed.fails is not None  # noqa: S101  (said above)
        return Explanation(token_id, tool, failed.fails, failed.detail, checks)

    def _check_token(self, configuration: Configuration, token: Token, bearer: Principal) -> Check:
        state = token.state(self._clock.now())
        if state != "active":
            return Check("token", f"the token is {state}", Verdict.REFUSED)
        if self._access.renewed(bearer, configuration) is None:
            detail = "the token's row was changed past mcpgw; issue another one"
            return Check("token", detail, Verdict.REFUSED)
        return Check("token", f"{token.member}, {token.role}, {state}")

    def _check_limits(self, bearer: Principal) -> Check:
        wait_s = self._throttle.wait_s(bearer)
        if wait_s > 0:
            detail = f"the token may make {bearer.bounds.rate} calls; the next in {wait_s:.1f} s"
            return Check("limit", detail, Verdict.REFUSED)
        rate = bearer.bounds.rate or "any number of"
        return Check("limit", f"{rate} calls, {bearer.bounds.concurrency or 'many'} at a time")


def _check_role(bearer: Principal, workspace: Workspace, address: str | None) -> Check:
    decision = decide(bearer, Action.USE, workspace.id, address=address)
    fails = None if decision.is_allowed else Verdict.REFUSED
    networks = ", ".join(bearer.bounds.addresses) or "anywhere"
    detail = f"{decision.reason}, from {networks}" if decision.is_allowed else decision.reason
    return Check("role and address", detail, fails)


def _check_tool(
    configuration: Configuration, workspace: Workspace, offer: Offer, bearer: Principal, tool: str
) -> Iterator[Check]:
    target = offer.tools.get(tool)
    if target is None:
        servers = configuration.servers.get(workspace.id, ())
        yield Check("name", _absence(offer, servers, tool), Verdict.HIDDEN)
        return
    yield Check("name", f"{target.reach.server.name} calls it {target.name}")
    decision = offer.decide(bearer, target, tool)
    classed = f"classed {target.classed.kind}: {target.classed.reason}" if target.classed else ""
    detail = classed if decision.is_allowed else decision.reason
    yield Check("policy", detail, None if decision.is_allowed else Verdict.HIDDEN)
    problem = offer.problems.get(target.reach.server.name, "")
    # A server that is away keeps its last list: its tools are shown, and calls say what is wrong.
    yield Check("server", problem or "available", Verdict.REFUSED if problem else None)


def _absence(offer: Offer, servers: Sequence[Server], tool: str) -> str:
    """Say why there is no tool of that name."""
    for server in servers:
        if server.prefix and tool.startswith(f"{server.prefix}__"):
            if not server.is_enabled:
                return f"its server {server.name} is switched off"
            if server.name in offer.problems:
                return f"its server {server.name} is unavailable: {offer.problems[server.name]}"
    near = get_close_matches(tool, offer.tools, n=1)
    return f"no server offers it{f'; did you mean {near[0]}?' if near else ''}"
