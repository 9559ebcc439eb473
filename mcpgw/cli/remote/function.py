"""Tools of a gateway elsewhere as their servers described them."""

import msgspec
from msgspec import Raw

from mcpgw.cli.remote.gateway import RemoteGateway
from mcpgw.errors import UpstreamError
from mcpgw.gateway.function import Visible, Written
from mcpgw.model.token import OPERATOR


class _Named(msgspec.Struct):
    name: str


class _Page(msgspec.Struct, rename="camel"):
    tools: list[Raw] = []
    next_cursor: str | None = None


class _Response(msgspec.Struct):
    result: _Page | None = None


async def visible(gateway: RemoteGateway) -> Visible:
    """Return the tools that the token sees, as `gateway.function.Functions` has them.

    Raises:
        GatewayError: they cannot be listed.
    """
    seen = await gateway.tools.list(OPERATOR, gateway.target.slug)
    items = await _items(gateway)
    return Visible(
        {
            one.exposed: Written(items[one.exposed], one.server, one.classed.kind)
            for one in seen
            if one.exposed in items
        }
    )


async def _items(gateway: RemoteGateway) -> dict[str, bytes]:
    """Return every tool of `tools/list`, raw, by name."""
    items: dict[str, bytes] = {}
    params: dict[str, Raw] = {}
    while True:
        answer = await gateway.ask("tools/list", params, b"{}")
        page = msgspec.json.decode(answer, type=_Response).result
        if page is None:
            raise UpstreamError("the gateway does not list its tools", "see: mcpgw tool list")
        for item in page.tools:
            items[msgspec.json.decode(item, type=_Named).name] = bytes(item)
        if page.next_cursor is None:
            return items
        params = {"cursor": Raw(msgspec.json.encode(page.next_cursor))}
