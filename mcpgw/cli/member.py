"""`mcpgw member list|show|remove` and `mcpgw offboard`: who has tokens, and how somebody goes."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.duration import from_now
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import counted, iso, print_fields, print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.cli.prompt import confirm
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.member import MemberSeen, Offboarded

members = group("Members: the people and agents that have tokens.")

Member = Annotated[str, typer.Argument(metavar="MEMBER", help="The member, as in `member list`.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

OFFBOARD_EXAMPLES = ["offboard ana@team.org", "offboard ana@team.org --yes --json"]


@command(members, "list")
async def list_members(asked: Invocation) -> None:
    """List the members of the workspace."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.members.list(OPERATOR, place.slug)
    if asked.is_json:
        print_json([_described(one, place.now) for one in seen])
        return
    rows = [
        (
            one.member,
            ", ".join(sorted({seen.token.role.value for seen in one.tokens})),
            f"{one.usable(place.now)} of {len(one.tokens)}",
            "never" if one.last_used_at is None else from_now(one.last_used_at, place.now),
        )
        for one in seen
    ]
    columns = ("MEMBER", "ROLES", "GOOD TOKENS", "LAST USED")
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        say("no member yet; next: mcpgw token issue --member NAME")


@command(members, "show")
async def show(asked: Invocation, member: Member) -> None:
    """Show a member and its tokens."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.members.show(OPERATOR, place.slug, member)
    described = _described(seen, place.now)
    if asked.is_json:
        print_json(described)
        return
    print_fields(
        [
            ("member", seen.member),
            *((one["id"], f"{one['role']}, {one['state']}") for one in described["tokens"]),
        ]
    )


@command(members, "remove", examples=["member remove ana@team.org"])
async def remove(asked: Invocation, member: Member, is_confirmed: Yes = False) -> None:
    """Revoke every token of a member. To see what else there is to do: mcpgw offboard."""
    async with in_workspace(asked) as place:
        confirm(f"This revokes every token of {member} in {place.slug}", member, is_confirmed)
        revoked = await place.gateway.members.remove(OPERATOR, place.slug, member)
    if asked.is_json:
        print_json({"member": member, "revoked": [one.id for one in revoked]})
    say(f"revoked {counted(len(revoked), 'token')} of {member}")


async def offboard(asked: Invocation, member: Member, is_confirmed: Yes = False) -> None:
    """Revoke every token of a member, and tell what it used and which credentials to rotate.

    Its calls, streams and child processes end within a quarter of a second.
    """
    async with in_workspace(asked) as place:
        confirm(f"This revokes every token of {member} in {place.slug}", member, is_confirmed)
        done = await place.gateway.members.offboard(OPERATOR, place.slug, member)
    if asked.is_json:
        print_json(_described_end(done))
        return
    say(f"revoked {counted(len(done.revoked), 'token')} of {member} in {place.slug}")
    used = [(name, str(use.calls), from_now(use.last_at, place.now)) for name, use in done.used]
    say(f"{member} used {counted(len(used), 'server')}:")
    print_table(("SERVER", "CALLS", "LAST"), used, is_colored=not asked.is_plain)
    if done.was_admin:
        say(f"{member} was an admin and could have set every credential. Rotate them:")
    elif done.credentials:
        say("rotate the credentials of those servers, as far as somebody could have seen them:")
    for one in done.credentials:
        assert one.sealed is not None  # noqa: S101  (only what is set is a credential)
        age = from_now(one.sealed.created_at, place.now)
        say(f"  mcpgw secret set {one.server} {one.name} -w {place.slug}    (set {age})")


def _described(seen: "MemberSeen", now: float) -> dict[str, Any]:
    return {
        "member": seen.member,
        "good_tokens": seen.usable(now),
        "last_used_at": iso(seen.last_used_at),
        "tokens": [
            {
                "id": one.token.id,
                "role": one.token.role.value,
                "state": one.token.state(now),
                "expires_at": iso(one.token.expires_at),
                "last_used_at": iso(one.last_used_at),
            }
            for one in seen.tokens
        ],
    }


def _described_end(done: "Offboarded") -> dict[str, Any]:
    return {
        "member": done.member,
        "revoked": [one.id for one in done.revoked],
        "was_admin": done.was_admin,
        "used": [
            {"server": name, "calls": use.calls, "last_at": iso(use.last_at)}
            for name, use in done.used
        ],
        "rotate": [
            {
                "server": one.server,
                "secret": one.name,
                "set_at": iso(one.sealed.created_at if one.sealed is not None else None),
            }
            for one in done.credentials
        ],
    }
