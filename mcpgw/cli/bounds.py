"""The options that hold a token, or all tokens of a workspace, and how they are shown."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from mcpgw.model.bounds import Bounds, parse_rate

Servers = Annotated[
    str | None, typer.Option("--servers", metavar="A,B*", help="Only servers of these names.")
]
Tools = Annotated[
    str | None,
    typer.Option("--tools", metavar="'A__*,B'", help="Only tools and prompts of these names."),
]
Addresses = Annotated[
    str | None,
    typer.Option("--addresses", metavar="CIDR,...", help="Only from these networks."),
]
RateLimit = Annotated[
    str | None, typer.Option("--rate", metavar="N/m", help="Calls per s, m, h or d: 120/m.")
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=0, metavar="N", help="Calls at a time.")
]


def read_bounds(
    earlier: Bounds,
    servers: str | None,
    tools: str | None,
    addresses: str | None,
    rate: str | None,
    concurrency: int | None,
) -> Bounds:
    """Return the bounds that are given; what is not stays, what is empty or 0 is lifted.

    Raises:
        InvalidInput: the rate is none.
    """
    return Bounds(
        servers=earlier.servers if servers is None else _listed(servers),
        tools=earlier.tools if tools is None else _listed(tools),
        addresses=earlier.addresses if addresses is None else _listed(addresses),
        rate=earlier.rate if rate is None else (parse_rate(rate) if rate else None),
        concurrency=earlier.concurrency if concurrency is None else (concurrency or None),
    )


def described_bounds(bounds: Bounds) -> dict[str, Any]:
    """Return bounds as JSON has them."""
    return {
        "servers": list(bounds.servers),
        "tools": list(bounds.tools),
        "addresses": list(bounds.addresses),
        "rate": None if bounds.rate is None else str(bounds.rate),
        "concurrency": bounds.concurrency,
    }


def shown_bounds(bounds: Bounds) -> Iterable[tuple[str, str]]:
    """Return bounds as lines for people."""
    for name, value in described_bounds(bounds).items():
        shown = ", ".join(value) if isinstance(value, list) else str(value or "")
        yield name, shown or "any"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
