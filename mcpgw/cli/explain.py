"""`mcpgw explain`: why a token is shown a tool, or not."""

from typing import Annotated

import typer

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.model.token import OPERATOR

EXAMPLES = [
    "explain tok_0123456789ab jira__create_issue",
    "explain tok_0123456789ab jira__search --address 10.1.2.3",
]


async def explain(
    asked: Invocation,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id.")],
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="The tool, as clients see it.")],
    address: Annotated[
        str | None, typer.Option("--address", metavar="IP", help="Where the client is.")
    ] = None,
) -> None:
    """Say why a tool is shown to a token, hidden from it or refused, by the code that decides."""
    async with in_workspace(asked) as place:
        found = await place.gateway.explanations.explain(
            OPERATOR, place.slug, token_id, tool, address
        )
    checks = [
        {"check": one.name, "passed": one.fails is None, "detail": one.detail}
        for one in found.checks
    ]
    if asked.is_json:
        described = {"token": token_id, "tool": tool, "verdict": found.verdict.value}
        print_json(described | {"reason": found.reason, "checks": checks})
        return
    rows = [
        (one.name, "passes" if one.fails is None else one.fails.value, one.detail)
        for one in found.checks
    ]
    print_table(("CHECK", "RESULT", "DETAIL"), rows, is_colored=not asked.is_plain)
    say(f"{tool} is {found.verdict} for {token_id}: {found.reason}")
