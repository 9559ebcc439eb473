"""`mcpgw logs verify` and `mcpgw logs prune`: whether the journal is whole, how long it is kept."""

from pathlib import Path
from typing import Annotated

import typer

from mcpgw.cli.duration import parse_span
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import FOUND_PROBLEMS, complain, counted, print_json, print_text, say
from mcpgw.cli.place import at_the_box
from mcpgw.errors import InvalidInput
from mcpgw.model.chain import Anchor, Verification, read_anchors
from mcpgw.model.token import OPERATOR

VERIFY_EXAMPLES = ["logs verify", "logs verify --anchor /var/log/mcpgw.log"]
PRUNE_EXAMPLES = ["logs prune --keep 90d"]


async def verify(
    asked: Invocation,
    anchor: Annotated[
        list[Path] | None,
        typer.Option("--anchor", metavar="FILE", help="Log or file with anchors; may be repeated."),
    ] = None,
) -> None:
    """Check that no row of the journal was changed, added or taken away; exit 7 if one was.

    Rows cut off at the end show only beside an anchor: one that left the machine earlier.
    """
    anchors = [one for path in anchor or () for one in _read(path)]
    async with at_the_box(asked) as gateway:
        await gateway.installation.unlock(OPERATOR)
        chains = await gateway.audit.verify(OPERATOR, anchors)
    if asked.is_json:
        print_json([_described(found) for found in chains])
    else:
        for found in chains:
            print_text(_told(found))
    if any(found.problem for found in chains):
        complain("the journal is not as it was written", "keep a copy of it as it is now")
        raise typer.Exit(FOUND_PROBLEMS)


async def prune(
    asked: Invocation,
    keep: Annotated[str, typer.Option("--keep", metavar="SPAN", help="As in 90d.")],
) -> None:
    """Remove the calls that are older than that; the journal verifies from a signed checkpoint on.

    Their sums by hour stay, so that `mcpgw stats` can still tell of them. The gateway may go on.
    """
    keep_s = parse_span(keep, "--keep", "90d")
    async with at_the_box(asked) as gateway:
        await gateway.installation.unlock(OPERATOR)
        gone = await gateway.audit.prune(OPERATOR, keep_s)
    if asked.is_json:
        print_json({"pruned_rows": gone})
    say(f"{counted(gone, 'row')} removed")


def _read(path: Path) -> tuple[Anchor, ...]:
    try:
        anchors = read_anchors(path.expanduser().read_text("utf-8", "replace"))
    except (OSError, RuntimeError) as error:
        raise InvalidInput(f"{path} cannot be read: {type(error).__name__}") from None
    if not anchors:
        raise InvalidInput(f"{path} holds no anchor", "an anchor is a line with mcpgw-anchor in it")
    return anchors


def _told(found: Verification) -> str:
    if found.problem:
        return f"{found.chain}: row {found.bad_seq}: {found.problem}"
    parts = [f"{found.chain}: {counted(found.rows, 'row')} as they were written"]
    if found.rows:
        parts.append(f"{found.first} to {found.last}")
    for number, noun, what in (
        (found.anchors, "anchor", "held against it"),
        (found.older_anchors, "anchor", "older than its oldest row"),
        (found.pruned, "row", "pruned before"),
        (found.unsigned, "row", "without a MAC, not covered"),
        (found.unfinished, "call", "without an end"),
    ):
        if number:
            parts.append(f"{counted(number, noun)} {what}")
    return ", ".join(parts)


def _described(found: Verification) -> dict[str, object]:
    described = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return {"is_whole": not found.problem, **described}
