"""`mcpgw workspace create|list|show|delete|use`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import iso, local, print_fields, print_json, print_table, say
from mcpgw.cli.place import in_gateway, in_workspace, missing, remember
from mcpgw.cli.prompt import confirm
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.gateway import Gateway
    from mcpgw.gateway.workspace import WorkspaceSeen

workspaces = group("Workspaces: each has servers, secrets and tokens of its own.")

Slug = Annotated[str, typer.Argument(metavar="NAME", help="The workspace.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@command(workspaces, "create", examples=["workspace create team"], in_workspace=False)
async def create(asked: Invocation, slug: Slug) -> None:
    """Create a workspace."""
    async with in_gateway(asked) as gateway:
        workspace = await gateway.workspaces.create(OPERATOR, slug)
        if asked.is_json:
            print_json(await _described(gateway, workspace.slug))
    say(f"created the workspace {slug}; next: mcpgw server add -w {slug} --help")


@command(workspaces, "list", in_workspace=False)
async def list_workspaces(asked: Invocation) -> None:
    """List the workspaces."""
    async with in_gateway(asked) as gateway:
        seen = await gateway.workspaces.list(OPERATOR)
    if asked.is_json:
        print_json([_described_as(one) for one in seen])
        return
    rows = [
        (one.workspace.slug, str(one.servers), str(one.secrets), str(one.tokens)) for one in seen
    ]
    print_table(("NAME", "SERVERS", "SECRETS", "TOKENS"), rows, is_colored=not asked.is_plain)
    if not seen:
        say("no workspace yet; next: mcpgw workspace create NAME")


@command(workspaces, "show", examples=["workspace show", "workspace show team"])
async def show(
    asked: Invocation,
    slug: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The workspace.")] = None,
) -> None:
    """Show a workspace."""
    asked.take({"workspace": slug})
    async with in_workspace(asked) as place:
        described = await _described(place.gateway, place.slug)
        seen = await place.gateway.workspaces.show(OPERATOR, place.slug)
    if asked.is_json:
        print_json(described)
        return
    shown = described | {"created_at": local(seen.workspace.created_at)}
    print_fields((name, str(value)) for name, value in shown.items())


@command(workspaces, "delete", examples=["workspace delete team"], in_workspace=False)
async def delete(asked: Invocation, slug: Slug, is_confirmed: Yes = False) -> None:
    """Delete a workspace with its servers, secrets and tokens.

    Its journal stays.
    """
    async with in_gateway(asked) as gateway:
        await _check_known(gateway, slug)
        seen = await gateway.workspaces.show(OPERATOR, slug)
        confirm(
            f"This deletes {slug} with {seen.servers} servers, {seen.secrets} secrets and"
            f" {seen.tokens} tokens",
            slug,
            is_confirmed,
        )
        await gateway.workspaces.delete(OPERATOR, slug)
    if asked.is_json:
        print_json({"name": slug, "deleted": True})
    say(f"deleted the workspace {slug}")


@command(workspaces, "use", examples=["workspace use team"], in_workspace=False)
async def use(asked: Invocation, slug: Slug) -> None:
    """Remember the workspace for commands without -w."""
    async with in_gateway(asked) as gateway:
        await _check_known(gateway, slug)
        remember(asked.config(), slug)
    if asked.is_json:
        print_json({"name": slug, "used": True})
    say(f"commands without -w now act in {slug}")


async def _check_known(gateway: "Gateway", slug: str) -> None:
    known = [seen.workspace.slug for seen in await gateway.workspaces.list(OPERATOR)]
    if slug not in known:
        raise missing("workspace", slug, known)


async def _described(gateway: "Gateway", slug: str) -> dict[str, Any]:
    return _described_as(await gateway.workspaces.show(OPERATOR, slug))


def _described_as(seen: "WorkspaceSeen") -> dict[str, Any]:
    return {
        "name": seen.workspace.slug,
        "id": seen.workspace.id,
        "created_at": iso(seen.workspace.created_at),
        "servers": seen.servers,
        "secrets": seen.secrets,
        "tokens": seen.tokens,
    }
