"""Reading the journal: a developer sees own calls, an admin those of the workspace, and its acts.

Whether it is whole, and how long it is kept, is the operator's affair: it holds all workspaces.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from msgspec import structs

from mcpgw.errors import Conflict, NotFound
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import ActStore, Clock, Journal
from mcpgw.model.act import ActFilter, ActKind, ActSeen, done_by, read_act_id
from mcpgw.model.audit import AuditEvent, CallFilter
from mcpgw.model.chain import Anchor, Verification
from mcpgw.model.policy import Action, decide
from mcpgw.model.span import spell_span
from mcpgw.model.token import Principal

PAGE = 1000
"""Calls that are read at once to be exported."""

_LOST = "anchored, but no database here has it: one was replaced"


class Audit:
    """What can be asked of the journal."""

    def __init__(self, current: Current, journal: Journal, acts: ActStore, clock: Clock) -> None:
        self._current = current
        self._journal = journal
        self._acts = acts
        self._clock = clock

    async def find(
        self, principal: Principal, slug: str, wanted: CallFilter
    ) -> Sequence[tuple[int, AuditEvent]]:
        """Return the calls that match and that `principal` may see, oldest first.

        Raises:
            NotFound: there is no such workspace.
            Forbidden: the role sees no calls.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        wanted = replace(wanted, workspace_id=workspace.id)
        if not decide(principal, Action.READ_ALL_CALLS, workspace.id).is_allowed:
            require(principal, Action.READ_OWN_CALLS, workspace.id)
            wanted = replace(wanted, member=principal.member)
        return await self._journal.find(wanted)

    async def show(self, principal: Principal, slug: str, call_id: str) -> AuditEvent:
        """Return one call.

        Raises:
            NotFound: there is no such call, or it is not for `principal` to see.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_OWN_CALLS, workspace.id)
        event = await self._journal.get(workspace.id, call_id)
        sees_all = decide(principal, Action.READ_ALL_CALLS, workspace.id).is_allowed
        if event is None or not (sees_all or event.member == principal.member):
            raise NotFound(f"no call {call_id[:40]!r} in {slug}", "see: mcpgw logs")
        return event

    async def pages(
        self, principal: Principal, slug: str, wanted: CallFilter
    ) -> AsyncIterator[Sequence[AuditEvent]]:
        """Return all calls that match, in the order of their rows, some at a time. As `find`."""
        wanted = replace(wanted, after_rowid=0, newest=PAGE)
        while found := await self.find(principal, slug, wanted):
            yield [event for _, event in found]
            wanted = replace(wanted, after_rowid=found[-1][0])

    async def acts(self, principal: Principal, slug: str, wanted: ActFilter) -> Sequence[ActSeen]:
        """Return the acts that match, oldest first; at the box those outside of workspaces too.

        Raises:
            NotFound: there is no such workspace.
            Forbidden: the role sees none.
        """
        configuration = await self._current.configuration()
        workspace = configuration.workspace(slug)
        require(principal, Action.READ_ALL_CALLS, workspace.id)
        ids = (workspace.id, *([""] if principal.is_operator else []))
        return await self._acts.find(structs.replace(wanted, workspace_ids=ids))

    async def act(self, principal: Principal, slug: str, act_id: str) -> ActSeen:
        """Return one administrative act.

        Raises:
            NotFound: there is no such act, or it is not for `principal` to see.
            Forbidden: the role sees none.
        """
        seq = read_act_id(act_id)
        found = await self.acts(principal, slug, ActFilter(seq=0 if seq is None else seq))
        if not found:
            raise NotFound(f"no act {act_id[:40]!r} in {slug}", "see: mcpgw logs")
        return found[0]

    async def verify(
        self, principal: Principal, anchors: Sequence[Anchor] = ()
    ) -> Sequence[Verification]:
        """Look at every row of every chain, and hold anchors against them. Needs the keys.

        Raises:
            StorageError: the journal cannot be read, or the keys are not here.
        """
        require(principal, Action.OPERATE, None)
        chains = [await self._journal.verify(anchors), await self._acts.verify(anchors)]
        known = {found.chain for found in chains}
        lost = sorted({anchor.chain for anchor in anchors} - known)
        return [*chains, *(Verification(chain, bad_seq=0, problem=_LOST) for chain in lost)]

    async def prune(self, principal: Principal, keep_s: float) -> int:
        """Take away the calls that are older than that, if all is as it was written.

        Their sums stay. Returns how many rows went.

        Raises:
            Conflict: the journal was tampered with: pruning would take the evidence away.
            StorageError: it cannot be read or written, or the keys are not here.
        """
        require(principal, Action.OPERATE, None)
        for found in await self.verify(principal):
            if found.problem:
                raise Conflict(
                    f"row {found.bad_seq} of the journal: {found.problem}; nothing was pruned",
                    "see: mcpgw logs verify",
                )
        while await self._journal.tally():
            pass
        now = self._clock.now()
        told = f"older than {spell_span(keep_s)}"
        await self._acts.record(done_by(principal, now, ActKind.LOGS_PRUNE, "", "calls", told))
        return await self._journal.prune(now - keep_s, now)
