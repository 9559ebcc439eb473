"""`mcpgw token issue|list|show|revoke`. A token is shown once: when it is issued."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.duration import from_now, parse_ttl
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import counted, iso, print_fields, print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.cli.prompt import confirm
from mcpgw.errors import InvalidInput
from mcpgw.model.token import OPERATOR, Role

if TYPE_CHECKING:
    from mcpgw.gateway.token import TokenSeen

tokens = group("Tokens: each lets one member into one workspace.")

DEFAULT_TTL = "90d"

TokenId = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as in `token list`.")]


@command(
    tokens,
    "issue",
    examples=["token issue --member ana@team.org --ttl 14d", "token issue --role readonly"],
)
async def issue(
    asked: Invocation,
    role: Annotated[Role, typer.Option("--role", help="What it may do.")] = Role.DEVELOPER,
    member: Annotated[
        str | None, typer.Option("--member", metavar="NAME", help="Whose it is; by default yours.")
    ] = None,
    ttl: Annotated[
        str, typer.Option("--ttl", metavar="TIME", help="14d, 12h, 30m, 2w or never.")
    ] = DEFAULT_TTL,
) -> None:
    """Issue a token and print it, this once."""
    ttl_s = parse_ttl(ttl)
    async with in_workspace(asked) as place:
        issued = await place.gateway.tokens.issue(
            OPERATOR, place.slug, _user() if member is None else member, role, ttl_s
        )
    token = issued.token
    if asked.is_json:
        described = {
            "id": token.id,
            "token": issued.text,
            "member": token.member,
            "role": token.role.value,
            "workspace": place.slug,
            "created_at": iso(token.created_at),
            "expires_at": iso(token.expires_at),
        }
        print_json(described)
    else:
        print(issued.text, flush=True)
    say(
        f"{token.id} for {token.member} in {place.slug}: {token.role}, expires"
        f" {_when(token.expires_at, place.now)}. It is not shown again."
    )


@command(tokens, "list")
async def list_tokens(asked: Invocation) -> None:
    """List the tokens, expired and revoked ones too."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.tokens.list(OPERATOR, place.slug)
    if asked.is_json:
        print_json([_described(one, place.now) for one in seen])
        return
    rows = [
        (
            one.token.id,
            one.token.member,
            one.token.role.value,
            one.token.state(place.now),
            _when(one.token.expires_at, place.now),
            _when(one.last_used_at, place.now),
        )
        for one in seen
    ]
    columns = ("ID", "MEMBER", "ROLE", "STATE", "EXPIRES", "LAST USED")
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        say("no token yet; next: mcpgw token issue --member NAME")


@command(tokens, "show")
async def show(asked: Invocation, token_id: TokenId) -> None:
    """Show what is known of a token; never the token itself."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.tokens.show(OPERATOR, place.slug, token_id)
    described = _described(seen, place.now)
    if asked.is_json:
        print_json(described)
    else:
        print_fields((name, str(value or "never")) for name, value in described.items())


@command(
    tokens,
    "revoke",
    examples=["token revoke tok_0123456789ab", "token revoke --member ana@team.org"],
)
async def revoke(
    asked: Invocation,
    token_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The token to revoke.")
    ] = None,
    member: Annotated[
        str | None, typer.Option("--member", metavar="NAME", help="Revoke all of a member's.")
    ] = None,
    is_confirmed: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Revoke a token, or all of a member: no request that begins after this is served."""
    if (token_id is None) == (member is None):
        raise InvalidInput("name one token, or a member", "mcpgw token revoke ID, or --member NAME")
    async with in_workspace(asked) as place:
        if token_id is not None:
            revoked = [await place.gateway.tokens.revoke(OPERATOR, place.slug, token_id)]
        else:
            owner = member or ""
            confirm(f"This revokes every token of {owner} in {place.slug}", owner, is_confirmed)
            revoked = list(await place.gateway.tokens.revoke_member(OPERATOR, place.slug, owner))
    if asked.is_json:
        print_json([{"id": one.id, "member": one.member, "revoked": True} for one in revoked])
    say(f"revoked {counted(len(revoked), 'token')}: {', '.join(one.id for one in revoked)}")


def _described(seen: "TokenSeen", now: float) -> dict[str, Any]:
    token = seen.token
    return {
        "id": token.id,
        "member": token.member,
        "role": token.role.value,
        "state": token.state(now),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "revoked_at": iso(token.revoked_at),
        "last_used_at": iso(seen.last_used_at),
    }


def _when(moment: float | None, now: float) -> str:
    return "never" if moment is None else from_now(moment, now)


def _user() -> str:
    """Return the name of who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # KeyError: before Python 3.13
        return "operator"
