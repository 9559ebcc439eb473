"""`mcpgw token issue|rotate|list|show|revoke`. A token is shown once: when it is made."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli import bounds
from mcpgw.cli.connect import ToConnect, tell_how_to_connect
from mcpgw.cli.duration import from_now, parse_span, parse_ttl
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import counted, iso, print_fields, print_json, print_table, say
from mcpgw.cli.place import Place, in_workspace
from mcpgw.cli.prompt import confirm
from mcpgw.errors import GatewayError, InvalidInput
from mcpgw.model.bounds import UNBOUND
from mcpgw.model.token import OPERATOR, Role

if TYPE_CHECKING:
    from mcpgw.gateway.token import Issued, TokenSeen
    from mcpgw.gateway.tool import Visible

tokens = group("Tokens: each lets one member into one workspace.")

TokenId = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as in `token list`.")]


Ttl = Annotated[
    str | None, typer.Option("--ttl", metavar="TIME", help="14d, 12h, 30m, 2w or never.")
]
IsUncounted = Annotated[
    bool, typer.Option("--no-test", help="Do not ask the servers what the token will see.")
]


@command(
    tokens,
    "issue",
    examples=[
        "token issue --member ana@team.org --ttl 14d",
        "token issue --role readonly --servers github,slack --tools 'github__get_*' --rate 120/m",
    ],
)
async def issue(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    role: Annotated[Role, typer.Option("--role", help="What it may do.")] = Role.DEVELOPER,
    member: Annotated[
        str | None, typer.Option("--member", metavar="NAME", help="Whose it is; by default yours.")
    ] = None,
    ttl: Ttl = None,
    servers: bounds.Servers = None,
    tools: bounds.Tools = None,
    addresses: bounds.Addresses = None,
    rate: bounds.RateLimit = None,
    concurrency: bounds.Concurrency = None,
    is_uncounted: IsUncounted = False,
    client: ToConnect = None,
) -> None:
    """Issue a token and print it, this once.

    What is not said is as the workspace has it: see mcpgw workspace show. Patterns take * and ?.
    """
    ttl_s = None if ttl is None else parse_ttl(ttl)
    held = bounds.read_bounds(UNBOUND, servers, tools, addresses, rate, concurrency)
    async with in_workspace(asked) as place:
        issued = await place.gateway.tokens.issue(
            OPERATOR, place.slug, _user() if member is None else member, role, ttl_s, held
        )
        await _hand_over(asked, place, issued, is_uncounted)
    tell_how_to_connect(asked, place.slug, client)


@command(tokens, "rotate", examples=["token rotate tok_0123456789ab --overlap 24h"])
async def rotate(
    asked: Invocation,
    token_id: TokenId,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="How long the old one stays good.")
    ] = "24h",
    ttl: Ttl = None,
    is_uncounted: IsUncounted = False,
) -> None:
    """Issue a token in the place of another: same member, role and bounds.

    The old one stays good for the overlap, so that clients can be changed one by one.
    """
    ttl_s = None if ttl is None else parse_ttl(ttl)
    overlap_s = 0.0 if overlap == "0" else parse_span(overlap, "--overlap", "24h")
    async with in_workspace(asked) as place:
        issued = await place.gateway.tokens.rotate(OPERATOR, place.slug, token_id, overlap_s, ttl_s)
        await _hand_over(asked, place, issued, is_uncounted)
        old = (await place.gateway.tokens.show(OPERATOR, place.slug, token_id)).token
    say(f"{token_id} expires {_when(old.expires_at, place.now)}")


@command(tokens, "list", examples=["token list", "token list --expiring", "token list --unused"])
async def list_tokens(
    asked: Invocation,
    is_expiring: Annotated[
        bool, typer.Option("--expiring", help="Only those that expire within a week.")
    ] = False,
    is_unused: Annotated[
        bool, typer.Option("--unused", help="Only those that were never used.")
    ] = False,
) -> None:
    """List the tokens, expired and revoked ones too."""
    async with in_workspace(asked) as place:
        seen = [
            one
            for one in await place.gateway.tokens.list(OPERATOR, place.slug)
            if (not is_expiring or one.token.is_expiring(place.now))
            and (not is_unused or one.last_used_at is None)
        ]
    if asked.is_json:
        print_json([_described(one, place.now) for one in seen])
        return
    rows = [
        (
            one.token.id,
            one.token.member,
            one.token.role.value,
            "expires soon" if one.token.is_expiring(place.now) else one.token.state(place.now),
            _when(one.token.expires_at, place.now),
            _when(one.last_used_at, place.now),
        )
        for one in seen
    ]
    columns = ("ID", "MEMBER", "ROLE", "STATE", "EXPIRES", "LAST USED")
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        is_filtered = is_expiring or is_unused
        say("no such token" if is_filtered else "no token yet; next: mcpgw token issue --help")


@command(tokens, "show")
async def show(asked: Invocation, token_id: TokenId) -> None:
    """Show what is known of a token; never the token itself."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.tokens.show(OPERATOR, place.slug, token_id)
    described = _described(seen, place.now)
    if asked.is_json:
        print_json(described)
        return
    del described["bounds"]
    print_fields(
        [
            *((name, str(value or "never")) for name, value in described.items()),
            *bounds.shown_bounds(seen.token.bounds),
        ]
    )


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
    """Revoke a token, or all of a member: no request that begins after this is served.

    Calls and streams under way end within a quarter of a second.
    """
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
        "bounds": bounds.described_bounds(token.bounds),
    }


async def _hand_over(asked: Invocation, place: Place, issued: "Issued", is_uncounted: bool) -> None:
    """Print a new token, this once, and say what it will see."""
    token = issued.token
    if not asked.is_json:
        print(issued.text, flush=True)  # first: whatever happens, it is not lost
    say(
        f"{token.id} for {token.member} in {place.slug}: {token.role}, expires"
        f" {_when(token.expires_at, place.now)}. It is not shown again."
    )
    visible = None if is_uncounted else await _visible(place, token.id)
    if asked.is_json:
        described = {
            "id": token.id,
            "token": issued.text,
            "member": token.member,
            "role": token.role.value,
            "workspace": place.slug,
            "created_at": iso(token.created_at),
            "expires_at": iso(token.expires_at),
            "bounds": bounds.described_bounds(token.bounds),
            "visible_tools": None if visible is None else visible.tools,
            "all_tools": None if visible is None else visible.all_tools,
        }
        print_json(described)
    if visible is not None:
        seen = f"it sees {visible.tools} of {counted(visible.all_tools, 'tool')}"
        say(f"{seen}: {visible.absence}" if visible.absence else seen)
        for server, problem in visible.problems:
            say(f"not counted: {server}: {problem}")


async def _visible(place: Place, token_id: str) -> "Visible | None":
    """Return what a token will see; None when that cannot be told, which is no reason to fail."""
    try:
        return await place.gateway.tools.seen_by_token(OPERATOR, place.slug, token_id)
    except GatewayError as error:
        say(f"what it sees cannot be told: {error.message}")
        return None


def _when(moment: float | None, now: float) -> str:
    return "never" if moment is None else from_now(moment, now)


def _user() -> str:
    """Return the name of who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # KeyError: before Python 3.13
        return "operator"
