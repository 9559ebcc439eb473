"""`mcpgw workspace create|list|show|set|delete|use`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli import bounds
from mcpgw.cli.duration import parse_span, roughly
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import iso, local, print_fields, print_json, print_table, say
from mcpgw.cli.place import at_the_box, in_workspace, missing, remember
from mcpgw.cli.prompt import confirm
from mcpgw.model.token import OPERATOR
from mcpgw.model.workspace import ReadonlyTools, WorkspaceSettings

if TYPE_CHECKING:
    from mcpgw.cli.remote.gateway import RemoteGateway
    from mcpgw.gateway.gateway import Gateway
    from mcpgw.gateway.workspace import WorkspaceSeen

workspaces = group("Workspaces: each has servers, secrets and tokens of its own.")

Slug = Annotated[str, typer.Argument(metavar="NAME", help="The workspace.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@command(workspaces, "create", examples=["workspace create team"], in_workspace=False)
async def create(asked: Invocation, slug: Slug) -> None:
    """Create a workspace."""
    async with at_the_box(asked) as gateway:
        workspace = await gateway.workspaces.create(OPERATOR, slug)
        if asked.is_json:
            print_json(await _described(gateway, workspace.slug))
    say(f"created the workspace {slug}; next: mcpgw server add -w {slug} --help")


@command(workspaces, "list", in_workspace=False)
async def list_workspaces(asked: Invocation) -> None:
    """List the workspaces."""
    async with at_the_box(asked) as gateway:
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
        seen = await place.gateway.workspaces.show(OPERATOR, place.slug)
    settings = seen.workspace.settings
    described = _described_as(seen)
    if asked.is_json:
        print_json(described)
        return
    del described["settings"]
    shown = described | {"created_at": local(seen.workspace.created_at)}
    print_fields(
        [
            *((name, str(value)) for name, value in shown.items()),
            ("readonly tools", settings.readonly_tools.value),
            ("ttl of tokens", "90 d" if settings.ttl_s is None else roughly(settings.ttl_s)),
            *bounds.shown_bounds(settings.bounds),
        ]
    )


@command(
    workspaces,
    "set",
    examples=[
        "workspace set --readonly-tools all",
        "workspace set --ttl 30d --rate 120/m --addresses 10.0.0.0/8",
        "workspace set --ttl default --rate ''",
    ],
)
async def set_settings(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    readonly_tools: Annotated[
        ReadonlyTools | None,
        typer.Option("--readonly-tools", help="What readonly tokens may call."),
    ] = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="TIME", help="Life of tokens: 30d, or default.")
    ] = None,
    servers: bounds.Servers = None,
    tools: bounds.Tools = None,
    addresses: bounds.Addresses = None,
    rate: bounds.RateLimit = None,
    concurrency: bounds.Concurrency = None,
) -> None:
    """Set what holds for every token of a workspace that says nothing else itself.

    It counts at the next request. What is not given stays; an empty value lifts a bound.
    """
    async with in_workspace(asked) as place:
        before = (await place.gateway.workspaces.show(OPERATOR, place.slug)).workspace.settings
        ttl_s = before.ttl_s
        if ttl is not None:
            ttl_s = None if ttl == "default" else parse_span(ttl, "--ttl", "30d")
        settings = WorkspaceSettings(
            before.readonly_tools if readonly_tools is None else readonly_tools,
            ttl_s,
            bounds.read_bounds(before.bounds, servers, tools, addresses, rate, concurrency),
        )
        changed = await place.gateway.workspaces.set(OPERATOR, place.slug, settings)
    if asked.is_json:
        print_json({"name": place.slug, "settings": _described_settings(changed.settings)})
    say(f"set; see: mcpgw workspace show {place.slug}")


@command(workspaces, "delete", examples=["workspace delete team"], in_workspace=False)
async def delete(asked: Invocation, slug: Slug, is_confirmed: Yes = False) -> None:
    """Delete a workspace with its servers, secrets and tokens.

    Its journal stays.
    """
    async with at_the_box(asked) as gateway:
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
    async with at_the_box(asked) as gateway:
        await _check_known(gateway, slug)
        remember(asked.config(), slug)
    if asked.is_json:
        print_json({"name": slug, "used": True})
    say(f"commands without -w now act in {slug}")


async def _check_known(gateway: "Gateway", slug: str) -> None:
    known = [seen.workspace.slug for seen in await gateway.workspaces.list(OPERATOR)]
    if slug not in known:
        raise missing("workspace", slug, known)


async def _described(gateway: "Gateway | RemoteGateway", slug: str) -> dict[str, Any]:
    return _described_as(await gateway.workspaces.show(OPERATOR, slug))


def _described_settings(settings: WorkspaceSettings) -> dict[str, Any]:
    return {
        "readonly_tools": settings.readonly_tools.value,
        "ttl_s": settings.ttl_s,
        "bounds": bounds.described_bounds(settings.bounds),
    }


def _described_as(seen: "WorkspaceSeen") -> dict[str, Any]:
    return {
        "name": seen.workspace.slug,
        "id": seen.workspace.id,
        "created_at": iso(seen.workspace.created_at),
        "servers": seen.servers,
        "secrets": seen.secrets,
        "tokens": seen.tokens,
        "settings": _described_settings(seen.workspace.settings),
    }
