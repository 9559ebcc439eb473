"""Reading the journal: a developer sees own calls, an admin those of the workspace."""

from collections.abc import Sequence
from dataclasses import replace

from mcpgw.errors import NotFound
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import Journal
from mcpgw.model.audit import AuditEvent, CallFilter
from mcpgw.model.policy import Action, decide
from mcpgw.model.token import Principal


class Audit:
    """What can be asked of the journal."""

    def __init__(self, current: Current, journal: Journal) -> None:
        self._current = current
        self._journal = journal

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
        event = await self._journal.get(call_id)
        sees_all = decide(principal, Action.READ_ALL_CALLS, workspace.id).is_allowed
        if (
            event is None
            or event.workspace_id != workspace.id
            or not (sees_all or event.member == principal.member)
        ):
            raise NotFound(f"no call {call_id[:40]!r} in {slug}", "see: mcpgw logs")
        return event
