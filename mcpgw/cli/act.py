"""Administrative acts as `mcpgw logs` shows them, among the calls."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from mcpgw.cli.output import iso, local
from mcpgw.cli.place import Place
from mcpgw.errors import Forbidden
from mcpgw.model.act import ActFilter, ActSeen
from mcpgw.model.token import OPERATOR

STATUS = "done"
"""What stands where calls have their outcome."""


async def find_acts(place: Place, wanted: ActFilter) -> Sequence[ActSeen]:
    """Return the acts that match, oldest first; none for a token that may see none."""
    try:
        return await place.gateway.audit.acts(OPERATOR, place.slug, wanted)
    except Forbidden:
        return []


def act_row(seen: ActSeen) -> tuple[str, ...]:
    """Return the cells of an act, in the columns of calls."""
    return seen.act_id, local(seen.at), seen.who, seen.what, STATUS, ""


def told_act(seen: ActSeen) -> Iterator[tuple[str, str]]:
    """Tell everything that is known of an act, line by line."""
    act = seen.act
    yield "act", seen.act_id
    yield "who", f"{seen.who} ({act.token_id or 'at the box'}, {act.role})"
    yield "what", f"{act.kind} {act.subject}"
    if act.detail:
        yield "to", act.detail
    yield "when", local(seen.at)
    yield "recorded by", f"a process of {seen.account}"


def described_act(seen: ActSeen, slug: str) -> dict[str, Any]:
    """Return an act as JSON has it."""
    fields = structs.asdict(seen.act)
    del fields["workspace_id"], fields["at_us"]
    fields["kind"] = str(seen.act.kind)
    return {
        "act_id": seen.act_id,
        "at": iso(seen.at),
        **fields,
        "account": seen.account,
        "workspace": slug if seen.act.workspace_id else "",
    }
