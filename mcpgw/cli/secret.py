"""`mcpgw secret set|list|delete`. A value goes in here and never comes out."""

from typing import Annotated

import typer

from mcpgw.cli.duration import from_now
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import iso, print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.cli.prompt import STDIN, confirm, read_secret
from mcpgw.errors import InvalidInput
from mcpgw.model.secret import check_secret_name
from mcpgw.model.token import OPERATOR

secrets = group("Secrets of servers: sealed here, sent only to their own server.")

ServerName = Annotated[str, typer.Argument(metavar="SERVER", help="The server it belongs to.")]
SecretName = Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in ${secret:NAME}.")]

SET_EXAMPLES = [
    "secret set jira JIRA_TOKEN                          asks, hidden",
    "secret set jira JIRA_TOKEN --from-file token.txt",
    "secret set jira JIRA_TOKEN - < token.txt",
]


@command(secrets, "set", examples=SET_EXAMPLES)
async def set_secret(
    asked: Invocation,
    server: ServerName,
    name: SecretName,
    source: Annotated[
        list[str] | None, typer.Argument(metavar="[-]", help="Read the value from stdin.")
    ] = None,
    from_file: Annotated[
        str | None, typer.Option("--from-file", metavar="FILE", help="Read it from a file.")
    ] = None,
    from_env: Annotated[
        str | None, typer.Option("--from-env", metavar="NAME", help="Read it from a variable.")
    ] = None,
) -> None:
    """Set a secret; running clients notice nothing, the next call uses it.

    The value comes from a hidden question, from stdin, a file or a variable, never from the
    arguments: every user of the machine can read those. One line end after it is dropped.
    """
    if "=" in name or (source and source != [STDIN]):
        raise InvalidInput(
            "a value in the arguments can be read by every user of this machine",
            f"type it when asked: mcpgw secret set {server} NAME; and replace the one just shown",
        )
    check_secret_name(name)
    async with in_workspace(asked) as place:
        await place.known_server(server)
        value = read_secret(name, STDIN if source else "", from_file, from_env)
        seen = await place.gateway.secrets.set(OPERATOR, place.slug, server, name, value)
        shown = await place.gateway.servers.show(OPERATOR, place.slug, server)
    sealed = seen.sealed
    version = sealed.version if sealed else 0
    if asked.is_json:
        print_json(
            {
                "server": server,
                "name": name,
                "version": version,
                "fingerprint": sealed.fingerprint if sealed else None,
            }
        )
    say(f"set {name} of {server} (version {version}); try it: mcpgw server test {server}")
    if name not in shown.secret_names:
        say(f"note: {server} does not refer to it; write ${{secret:{name}}} in a header or --env")


@command(secrets, "list")
async def list_secrets(asked: Invocation) -> None:
    """List the secrets, the ones that are still missing too. Values are never shown."""
    async with in_workspace(asked) as place:
        seen = await place.gateway.secrets.list(OPERATOR, place.slug)
    if asked.is_json:
        print_json(
            [
                {
                    "server": one.server,
                    "name": one.name,
                    "is_set": one.sealed is not None,
                    "version": one.sealed.version if one.sealed else None,
                    "fingerprint": one.sealed.fingerprint if one.sealed else None,
                    "set_at": iso(one.sealed.created_at) if one.sealed else None,
                }
                for one in seen
            ]
        )
        return
    rows = [
        (
            one.server,
            one.name,
            from_now(one.sealed.created_at, place.now) if one.sealed else "missing",
            str(one.sealed.version) if one.sealed else "",
            one.sealed.fingerprint if one.sealed else "",
        )
        for one in seen
    ]
    columns = ("SERVER", "NAME", "SET", "VERSION", "FINGERPRINT")
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        say("no secret yet; a server refers to one as ${secret:NAME}: mcpgw server add --help")
    for one in seen:
        if one.sealed is None:
            say(f"missing; run: mcpgw secret set {one.server} {one.name}")


@command(secrets, "delete", examples=["secret delete jira JIRA_TOKEN"])
async def delete(
    asked: Invocation,
    server: ServerName,
    name: SecretName,
    is_confirmed: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a secret in all its versions."""
    async with in_workspace(asked) as place:
        await place.known_server(server)
        confirm(f"This deletes the secret {name} of {server}", name, is_confirmed)
        await place.gateway.secrets.delete(OPERATOR, place.slug, server, name)
    if asked.is_json:
        print_json({"server": server, "name": name, "deleted": True})
    say(f"deleted {name} of {server}")
