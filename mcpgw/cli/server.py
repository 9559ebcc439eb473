"""`mcpgw server add|list|show|remove|approve|enable|disable|test`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.addition import Given, add_entry, refuse_with_entry, refuse_without_entry, where
from mcpgw.cli.duration import took
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.launch import read_launch
from mcpgw.cli.output import counted, iso, print_fields, print_json, print_table, say
from mcpgw.cli.place import Place, in_workspace
from mcpgw.cli.prompt import ask_secret, confirm, is_terminal
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.server import ServerSeen, Tried

servers = group("Servers: the MCP servers that a workspace offers.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The server.")]
Pairs = list[str] | None

ADD_EXAMPLES = [
    "server add github                                   from the catalog, with questions",
    "server add docs --catalog filesystem --set DIRECTORY=/srv/docs",
    "server add time -- uvx mcp-server-time",
    "server add jira https://mcp.example.com/mcp \\\n"
    "      --header 'Authorization: Bearer ${secret:JIRA_TOKEN}'",
    "server add github --env 'GITHUB_TOKEN=${secret:GITHUB_TOKEN}' -- npx -y PACKAGE",
]


@command(servers, "add", examples=ADD_EXAMPLES)
async def add(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    name: Name,
    target: Annotated[
        Pairs, typer.Argument(metavar="URL | -- COMMAND ARGS...", help="Where it is, or how run.")
    ] = None,
    header: Annotated[
        Pairs, typer.Option("--header", metavar="'N: V'", help="A header for a URL.")
    ] = None,
    env: Annotated[
        Pairs, typer.Option("--env", metavar="N=V", help="A variable for a command.")
    ] = None,
    cwd: Annotated[
        str | None, typer.Option("--cwd", metavar="DIR", help="Where a command runs.")
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", metavar="TEXT", help="Stands before its tools' names: TEXT__tool"),
    ] = None,
    is_untried: Annotated[
        bool, typer.Option("--no-test", help="Save it without connecting to it first.")
    ] = False,
    catalog: Annotated[
        str | None, typer.Option("--catalog", metavar="SLUG", help="An entry of the catalog.")
    ] = None,
    via: Annotated[
        str | None, typer.Option("--via", metavar="KIND", help="Its way: remote, npm, pypi, oci...")
    ] = None,
    pin: Annotated[
        str | None, typer.Option("--pin", metavar="VERSION", help="Its version, not the newest.")
    ] = None,
    settings: Annotated[
        Pairs, typer.Option("--set", metavar="N=V", help="A setting that the entry needs.")
    ] = None,
    secret_names: Annotated[
        Pairs, typer.Option("--secret", metavar="NAME", help="Use this optional secret too.")
    ] = None,
    from_env: Annotated[
        Pairs, typer.Option("--from-env", metavar="NAME", help="Take a secret from this variable.")
    ] = None,
    is_read_only: Annotated[
        bool, typer.Option("--read-only", help="Set the server's own switch for reading only.")
    ] = False,
    is_confirmed: Annotated[
        bool, typer.Option("--yes", help="Add it though nobody vouches for the entry.")
    ] = False,
) -> None:
    """Add a server, after it has been tried.

    Without a URL or a command NAME is looked up in the catalog (mcpgw catalog list); a name with a
    slash, in the MCP registry. Else write ${secret:NAME} where a credential goes; you are asked
    for it. --prefix '' exposes the names of its tools unchanged.
    """
    entry = Given(
        slug=catalog or name,
        name=name if catalog else "",
        via=via or "",
        pin=pin or "",
        is_read_only=is_read_only,
        settings=settings or (),
        secrets=secret_names or (),
        from_env=from_env or (),
        prefix=prefix,
        is_untried=is_untried,
        is_confirmed=is_confirmed,
    )
    if catalog or not target:
        refuse_with_entry(target, header, env, cwd)
        async with in_workspace(asked) as place:
            plan, seen, tried = await add_entry(place, entry)
        _tell_added(asked, place, seen, tried, {"entry": plan.entry.slug, "version": plan.version})
        return
    refuse_without_entry(entry)
    launch = read_launch(target, header or [], env or [], cwd)
    async with in_workspace(asked) as place:
        seen, tried = await place.gateway.servers.add(
            OPERATOR, place.slug, name, launch, prefix=prefix, is_tried=not is_untried
        )
        if seen.missing_secrets and is_terminal():
            tried = await _complete(place, seen, is_untried)
            seen = await place.gateway.servers.show(OPERATOR, place.slug, name)
    _tell_added(asked, place, seen, tried, {})


def _tell_added(
    asked: Invocation,
    place: Place,
    seen: "ServerSeen",
    tried: "Tried | None",
    more: Mapping[str, str],
) -> None:
    name = seen.server.name
    if asked.is_json:
        test = {"test": _described_test(tried) if tried else None}
        print_json(_described(seen) | test | dict(more))
    say(f"added {name} to {place.slug}{': ' + _found(tried) if tried else ', not tried yet'}")
    for secret in seen.missing_secrets:
        say(f"next: mcpgw secret set {name} {secret} -w {place.slug}")


async def _complete(place: Place, seen: "ServerSeen", is_untried: bool) -> "Tried | None":
    """Ask for the secrets that a new server lacks and try it; it goes again when that fails."""
    name = seen.server.name
    try:
        for secret in seen.missing_secrets:
            value = ask_secret(secret)
            await place.gateway.secrets.set(OPERATOR, place.slug, name, secret, value)
        if is_untried:
            return None
        return await place.gateway.servers.test(OPERATOR, place.slug, name)
    except BaseException:
        await place.gateway.servers.remove(OPERATOR, place.slug, name)
        say(f"{name} was not added")
        raise


@command(servers, "list")
async def list_servers(asked: Invocation) -> None:
    """List the servers of the workspace."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.servers.list(OPERATOR, place.slug)
    if asked.is_json:
        print_json([_described(one) for one in seen])
        return
    rows = [
        (one.server.name, _state(one), one.server.prefix or "''", where(one.server.launch))
        for one in seen
    ]
    columns = ("NAME", "STATE", "PREFIX", "LAUNCH")
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        say("no server yet; next: mcpgw server add --help")


@command(servers, "show")
async def show(asked: Invocation, name: Name) -> None:
    """Show how a server is launched and which secrets it refers to."""
    async with in_workspace(asked) as place:
        await place.known_server(name)
        seen = await place.gateway.servers.show(OPERATOR, place.slug, name)
    described = _described(seen)
    if asked.is_json:
        print_json(described)
        return
    pairs = described.get("headers") or described.get("env") or {}
    print_fields(
        [
            ("name", name),
            ("id", seen.server.id),
            ("state", _state(seen)),
            ("prefix", seen.server.prefix or "''"),
            ("launch", where(seen.server.launch)),
            *((f"  {key}", value) for key, value in pairs.items()),
            *((f"secret {one}", _is_set(seen, one)) for one in seen.secret_names),
        ]
    )


@command(servers, "remove", examples=["server remove jira"])
async def remove(
    asked: Invocation,
    name: Name,
    is_confirmed: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a server and its secrets."""
    async with in_workspace(asked) as place:
        await place.known_server(name)
        confirm(f"This removes {name} and its secrets from {place.slug}", name, is_confirmed)
        await place.gateway.servers.remove(OPERATOR, place.slug, name)
    if asked.is_json:
        print_json({"name": name, "removed": True})
    say(f"removed {name}")


@command(servers, "enable")
async def enable(asked: Invocation, name: Name) -> None:
    """Switch a server on."""
    await _switch(asked, name, True)


@command(servers, "disable")
async def disable(asked: Invocation, name: Name) -> None:
    """Switch a server off: its tools disappear, its configuration stays."""
    await _switch(asked, name, False)


@command(servers, "approve", examples=["server approve files", "server approve files --withdraw"])
async def approve(
    asked: Invocation,
    name: Name,
    is_withdrawn: Annotated[bool, typer.Option("--withdraw", help="Not any more.")] = False,
) -> None:
    """Let admins switch a server with a command on and off over HTTP, and no more than that."""
    async with in_workspace(asked) as place:
        await place.known_server(name)
        await place.gateway.servers.set_approved(OPERATOR, place.slug, name, not is_withdrawn)
    if asked.is_json:
        print_json({"name": name, "is_approved": not is_withdrawn})
    may = "may not" if is_withdrawn else "may"
    say(f"admins {may} switch {name} on and off over HTTP")


@command(servers, "test")
async def test(asked: Invocation, name: Name) -> None:
    """Connect to a server and count what it offers."""
    async with in_workspace(asked) as place:
        await place.known_server(name)
        if (await place.gateway.servers.show(OPERATOR, place.slug, name)).secret_names:
            await place.gateway.installation.unlock(OPERATOR)
        tried = await place.gateway.servers.test(OPERATOR, place.slug, name)
    if asked.is_json:
        print_json({"name": name, **_described_test(tried)})
    else:
        print(f"{name}: {_found(tried)}")


async def _switch(asked: Invocation, name: str, is_enabled: bool) -> None:
    async with in_workspace(asked) as place:
        await place.known_server(name)
        await place.gateway.servers.set_enabled(OPERATOR, place.slug, name, is_enabled)
    if asked.is_json:
        print_json({"name": name, "is_enabled": is_enabled})
    say(f"switched {name} {'on' if is_enabled else 'off'}")


def _described(seen: "ServerSeen") -> dict[str, Any]:
    server = seen.server
    launch: dict[str, Any]
    if isinstance(server.launch, HttpLaunch):
        launch = {"url": server.launch.url, "headers": dict(server.launch.headers)}
    else:
        launch = {
            "command": list(server.launch.command),
            "env": dict(server.launch.env),
            "cwd": server.launch.cwd,
        }
    return {
        "name": server.name,
        "id": server.id,
        "transport": server.transport,
        "is_enabled": server.is_enabled,
        "is_approved": server.is_approved,
        "prefix": server.prefix,
        "created_at": iso(server.created_at),
        **launch,
        "secrets": list(seen.secret_names),
        "missing_secrets": list(seen.missing_secrets),
    }


def _described_test(tried: "Tried") -> dict[str, Any]:
    return {
        "tools": tried.tools,
        "prompts": tried.prompts,
        "resources": tried.resources,
        "duration_ms": tried.duration_us / 1000,
    }


def _found(tried: "Tried") -> str:
    counts = (
        counted(tried.tools, "tool"),
        counted(tried.prompts, "prompt"),
        counted(tried.resources, "resource"),
    )
    return f"{', '.join(counts)} in {took(tried.duration_us)}"


def _state(seen: "ServerSeen") -> str:
    if not seen.server.is_enabled:
        return "off"
    return "lacks " + ", ".join(seen.missing_secrets) if seen.missing_secrets else "on"


def _is_set(seen: "ServerSeen", secret: str) -> str:
    return "missing" if secret in seen.missing_secrets else "set"
