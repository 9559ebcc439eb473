"""`mcpgw status`: one screen. Needs no key and disturbs no running gateway.

Says which gateway commands act on: that of the data directory, or the one that MCPGW_URL names.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mcpgw.cli.duration import from_now
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import counted, iso, print_fields, print_json, print_table
from mcpgw.cli.place import in_gateway, in_gateway_elsewhere, now
from mcpgw.cli.target import is_elsewhere
from mcpgw.model.audit import CallFilter, Outcome
from mcpgw.model.token import OPERATOR, Role

if TYPE_CHECKING:
    from mcpgw.cli.remote.gateway import RemoteGateway
    from mcpgw.gateway.gateway import Gateway

DAY_S = 86400.0

MOST_COUNTED = 1000
"""Calls of a day that are counted; more are shown as "1000 or more"."""


async def status(asked: Invocation) -> None:
    """Show where everything is, whether it serves, and what each workspace has."""
    from mcpgw.bootstrap import running  # late, as in place.py

    if is_elsewhere(asked):
        await _show_elsewhere(asked)
        return
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
    _print_workspaces(asked, workspaces)


async def _show_elsewhere(asked: Invocation) -> None:
    """Show what the gateway that MCPGW_URL names says of the token, and an admin its workspace."""
    async with in_gateway_elsewhere(asked) as gateway:
        me = await gateway.me()
        slug = gateway.target.slug
        workspaces = [await _workspace(gateway, slug)] if me.role is Role.ADMIN else []
        moment = now()
    expires_at = None if me.expires_at is None else me.expires_at.timestamp()
    if asked.is_json:
        token = {
            "id": me.token,
            "member": me.member,
            "role": me.role.value,
            "workspace": me.workspace,
            "expires_at": iso(expires_at),
            "visible_tools": me.visible.tools,
            "all_tools": me.visible.all_tools,
            "absence": me.visible.absence,
        }
        print_json({"gateway": gateway.target.base, "token": token, "workspaces": workspaces})
        return
    expires = "never expires" if expires_at is None else f"expires {from_now(expires_at, moment)}"
    seen = f"{me.visible.tools} of {counted(me.visible.all_tools, 'tool')}"
    print_fields(
        [
            ("gateway", f"{gateway.target.base} (named by MCPGW_URL)"),
            ("workspace", me.workspace),
            ("token", f"{me.token} of {me.member}, {me.role}, {expires}"),
            ("sees", f"{seen}: {me.visible.absence}" if me.visible.absence else seen),
        ]
    )
    if workspaces:
        _print_workspaces(asked, workspaces)


def _print_workspaces(asked: Invocation, workspaces: Sequence[dict[str, Any]]) -> None:
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


async def _workspace(gateway: "Gateway | RemoteGateway", slug: str) -> dict[str, Any]:
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
