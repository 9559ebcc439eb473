"""Numbers for machines, as far as who asks may see them: an admin those of its workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mcpgw.gateway.counters import Counters, Durations
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.recording import Recording
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted since the process began; workspaces by name.

    `calls` are by workspace, server, tool, outcome and surface. `is_degraded` says whether calls
    are refused at present because their rows cannot be written.
    """

    calls: Sequence[tuple[tuple[str, ...], int]]
    durations: Sequence[tuple[tuple[str, ...], Durations]]
    own_durations: Sequence[tuple[tuple[str, ...], Durations]]
    rate_limited: Sequence[tuple[tuple[str, ...], int]]
    request_bytes: Sequence[tuple[tuple[str, ...], int]]
    result_bytes: Sequence[tuple[tuple[str, ...], int]]
    under_way: int
    is_degraded: bool


class Metrics:
    """What monitoring can ask."""

    def __init__(self, current: Current, counters: Counters, recording: Recording) -> None:
        self._current = current
        self._counters = counters
        self._recording = recording

    async def read(self, principal: Principal, slug: str | None) -> Counted:
        """Return what was counted in a workspace, or in all for the operator.

        Raises:
            Forbidden: the role sees no calls.
            NotFound: there is no such workspace.
        """
        configuration = await self._current.configuration()
        workspaces = configuration.workspaces.values()
        names = {workspace.id: workspace.slug for workspace in workspaces}
        if slug is None:
            require(principal, Action.OPERATE, None)
        else:
            workspace = configuration.workspace(slug)
            require(principal, Action.READ_ALL_CALLS, workspace.id)
            names = {workspace.id: workspace.slug}
        counters = self._counters
        own = {(workspace_id,): one for workspace_id, one in counters.own_durations.items()}
        return Counted(
            calls=_named(counters.calls, names),
            durations=_named(counters.durations, names),
            own_durations=_named(own, names),
            rate_limited=_named(counters.rate_limited, names),
            request_bytes=_named(counters.request_bytes, names),
            result_bytes=_named(counters.result_bytes, names),
            under_way=self._recording.under_way,
            is_degraded=self._recording.problem is not None,
        )


def _named(
    held: Mapping[Any, Value], names: Mapping[str, str]
) -> Sequence[tuple[tuple[str, ...], Value]]:
    """Return what is of the named workspaces, under their names."""
    return [((names[key[0]], *key[1:]), value) for key, value in held.items() if key[0] in names]
