"""`mcpgw status`: one screen. Needs no key and disturbs no running gateway."""

from typing import TYPE_CHECKING, Any

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import print_fields, print_json, print_table
from mcpgw.cli.place import in_gateway, now
from mcpgw.model.audit import CallFilter, Outcome
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.gateway import Gateway

DAY_S = 86400.0

MOST_COUNTED = 1000
"""Calls of a day that are counted; more are shown as "1000 or more"."""


async def status(asked: Invocation) -> None:
    """Show where everything is, whether it serves, and what each workspace has."""
    from mcpgw.bootstrap import running  # late, as in place.py

    config = asked.config()
    async with in_gateway(asked) as gateway:
        places = await gateway.installation.key_places(OPERATOR)
        workspaces = [
            await _workspace(gateway, seen.workspace.slug)
            for seen in await gateway.workspaces.list(OPERATOR)
        ]
    found = running(config)
    if asked.is_json:
        served = {"pid": found[0], "url": found[1]} if found else None
        print_json(
            {
                "home": str(config.home),
                "master_key": list(places),
                "serving": served,
                "workspaces": workspaces,
            }
        )
        return
    print_fields(
        [
            ("data directory", str(config.home)),
            ("master key", ", ".join(places) or "none: run mcpgw init"),
            ("serving", f"{found[1]} (process {found[0]})" if found else "no: run mcpgw serve"),
        ]
    )
    print()
    columns = ("WORKSPACE", "SERVERS", "TOKENS", "CALLS IN 24 H", "FAILED")
    rows = [
        (
            one["name"],
            ", ".join(one["servers"]) or "none",
            str(one["active_tokens"]),
            str(one["calls_24h"]) + (" or more" if one["calls_24h"] == MOST_COUNTED else ""),
            str(one["failed_24h"]),
        )
        for one in workspaces
    ]
    print_table(columns, rows, is_colored=not asked.is_plain)


async def _workspace(gateway: "Gateway", slug: str) -> dict[str, Any]:
    moment = now()
    servers = await gateway.servers.list(OPERATOR, slug)
    tokens = await gateway.tokens.list(OPERATOR, slug)
    wanted = CallFilter(since=moment - DAY_S, newest=MOST_COUNTED)
    calls = await gateway.audit.find(OPERATOR, slug, wanted)
    failed = [event for _, event in calls if event.outcome is not Outcome.OK]
    return {
        "name": slug,
        "servers": [
            seen.server.name + ("" if seen.server.is_enabled else " (off)") for seen in servers
        ],
        "active_tokens": sum(seen.token.is_usable(moment) for seen in tokens),
        "calls_24h": len(calls),
        "failed_24h": len(failed),
    }
