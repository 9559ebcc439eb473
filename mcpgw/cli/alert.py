"""`mcpgw alert add|list|remove|test`: who is told when something goes wrong."""

from typing import Annotated

import typer

from mcpgw.cli.duration import from_now, parse_span
from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import iso, print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.cli.prompt import STDIN, read_secret
from mcpgw.model.secret import Secret
from mcpgw.model.span import spell_span
from mcpgw.model.token import OPERATOR

alerts = group("Alerts: a webhook is told when something goes wrong.")

AlertId = Annotated[str, typer.Argument(metavar="ID", help="The alert's id, as in `alert list`.")]

ADD_EXAMPLES = [
    "alert add --when 'error_rate(server=jira, 10m) > 0.2' --webhook - < url.txt",
    "alert add --when 'p95(tool=jira__search, 15m) > 2s' --webhook - < url.txt",
    "alert add --when token_expiring --every 1d --webhook https://hooks.example.com/mcpgw",
]


@command(alerts, "add", examples=ADD_EXAMPLES)
async def add(
    asked: Invocation,
    when: Annotated[str, typer.Option("--when", metavar="CONDITION", help="What to watch for.")],
    webhook: Annotated[
        str, typer.Option("--webhook", metavar="URL", help="Where to post it; - reads stdin.")
    ],
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="It is sent once in this time at most.")
    ] = "1h",
) -> None:
    """Watch for something, and post to a webhook when it is so. The gateway must be running.

    Watch error_rate, calls, errors, rate_limited, p50, p95 or p99, of a server, tool, member or
    client, in a window up to 6h; or server_down, token_expiring, disk_nearly_full, limit_hit. Other
    users of this machine can read a URL in the arguments: if it holds a secret, pipe it in.
    """
    every_s = parse_span(every, "--every", "1h")
    async with in_workspace(asked) as place:
        gateway = place.at_the_box
        url = read_secret("URL", STDIN, None, None) if webhook == STDIN else Secret(webhook)
        alert = await gateway.alerts.add(OPERATOR, place.slug, when, url, every_s)
    if asked.is_json:
        print_json({"id": alert.id, "when": alert.when, "host": alert.host})
    say(f"{alert.id} watches for {alert.when}; try it: mcpgw alert test {alert.id}")


@command(alerts, "list")
async def list_alerts(asked: Invocation) -> None:
    """List the alerts. Of a webhook only the host is shown."""
    async with in_workspace(asked) as place:
        seen = await place.at_the_box.alerts.list(OPERATOR, place.slug)
    if asked.is_json:
        print_json(
            [
                {
                    "id": one.alert.id,
                    "when": one.alert.when,
                    "every_s": one.alert.every_s,
                    "host": one.alert.host,
                    "created_at": iso(one.alert.created_at),
                    "sent_at": iso(one.sent_at),
                }
                for one in seen
            ]
        )
        return
    rows = [
        (
            one.alert.id,
            one.alert.when,
            spell_span(one.alert.every_s),
            one.alert.host,
            "never" if one.sent_at is None else from_now(one.sent_at, place.now),
        )
        for one in seen
    ]
    columns = ("ID", "WHEN", "EVERY", "WEBHOOK", "LAST SENT")
    print_table(columns, rows, is_colored=not asked.is_plain)
    if not seen:
        say("no alert yet; see: mcpgw alert add --help")


@command(alerts, "remove", examples=["alert remove alert_0123456789ab"])
async def remove(asked: Invocation, alert_id: AlertId) -> None:
    """Watch for it no more."""
    async with in_workspace(asked) as place:
        alert = await place.at_the_box.alerts.remove(OPERATOR, place.slug, alert_id)
    if asked.is_json:
        print_json({"id": alert.id, "removed": True})
    say(f"removed {alert.id}: {alert.when}")


@command(alerts, "test", examples=["alert test alert_0123456789ab"])
async def test(asked: Invocation, alert_id: AlertId) -> None:
    """Post to the webhook of an alert now, saying that it is a test."""
    async with in_workspace(asked) as place:
        alert = await place.at_the_box.alerts.test(OPERATOR, place.slug, alert_id)
    if asked.is_json:
        print_json({"id": alert.id, "sent": True})
    say(f"{alert.host} took it")
