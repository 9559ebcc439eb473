"""One MCP request to a workspace elsewhere, as a modern client makes it."""

from collections.abc import Mapping

from msgspec import Raw

from mcpgw import __version__
from mcpgw.cli.bridging.channel import Channel, Notes, client_session
from mcpgw.cli.output import say
from mcpgw.cli.target import Target
from mcpgw.protocol.era import (
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_VERSION,
    NEWEST_MODERN,
)
from mcpgw.protocol.header import encode_value, param_headers
from mcpgw.protocol.jsonrpc import request_bytes, text, write_object

REQUEST_ID = b"1"

CLIENT = b'{"name":"mcpgw call","version":"' + __version__.encode() + b'"}'


async def ask(
    target: Target, method: str, params: Mapping[str, Raw], schema: bytes, max_message_bytes: int
) -> bytes:
    """Return the response.

    Args:
        target: where.
        method: what is asked for.
        params: its parameters.
        schema: the input schema of the tool that is called, which may want headers; `{}` for none.
        max_message_bytes: what a response may have.

    Raises:
        GatewayError: there is none.
    """
    headers = _headers(method, params, schema)
    body = request_bytes(REQUEST_ID, method, write_object({**params, "_meta": _meta()}))
    async with client_session(target.token) as http:
        channel = Channel(http, target.url, max_message_bytes, Notes(say))
        async with channel.open("POST", headers, body, patience_s=0.0) as answer:
            async for incoming in answer.messages():
                if incoming.message.method is None:
                    return incoming.raw
            raise answer.refusal()


def _meta() -> bytes:
    return write_object(
        {
            META_VERSION: Raw(f'"{NEWEST_MODERN}"'.encode()),
            META_CLIENT_INFO: Raw(CLIENT),
            META_CLIENT_CAPABILITIES: Raw(b"{}"),
        }
    )


def _headers(method: str, params: Mapping[str, Raw], schema: bytes) -> Mapping[str, str]:
    """Return what a modern request says in its headers too."""
    headers = {"MCP-Protocol-Version": NEWEST_MODERN, "Mcp-Method": method}
    if "name" in params:
        headers["Mcp-Name"] = encode_value(text(params["name"]) or "")
    return headers | dict(param_headers(schema, params.get("arguments")))
