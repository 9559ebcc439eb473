"""The headers by which a modern request is routed: they repeat what its body says.

Which arguments travel in headers stands in the tools' schemas, which are learned from the lists
that pass by. Source: MCP 2026-07-28, basic/transports.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.protocol.era import LEGACY_VERSIONS, META_VERSION, NAME_BEARING
from mcpgw.protocol.header import encode_value, param_headers
from mcpgw.protocol.jsonrpc import Message, is_object, read_object, text

_MARK = b"x-mcp-header"


class _Tool(msgspec.Struct):
    """What is looked at in a tool of a list."""

    name: str
    input_schema: Raw = msgspec.field(name="inputSchema", default=Raw(b"{}"))


class _Tools(msgspec.Struct):
    """What is looked at in a list of tools."""

    tools: list[_Tool]


_tools_decoder = msgspec.json.Decoder(_Tools)


def modern_meta(message: Message) -> dict[str, Raw] | None:
    """Return `params._meta` of a modern message, None when the message is legacy."""
    raw = message.params.get("_meta")
    meta = read_object(raw) if raw is not None and is_object(raw) else {}
    claim = meta.get(META_VERSION)
    return None if claim is None or text(claim) in LEGACY_VERSIONS else meta


class ToolSchemas:
    """The schemas of the tools that want arguments in headers."""

    def __init__(self) -> None:
        self._schemas: dict[str, Raw] = {}

    def learn(self, result: Raw) -> None:
        """Take note of the result of a `tools/list`."""
        if _MARK not in bytes(result) and not self._schemas:
            return
        try:
            tools = _tools_decoder.decode(result).tools
        except (ValueError, RecursionError):
            return
        for tool in tools:
            if _MARK in bytes(tool.input_schema):
                # A copy: a slice would keep the whole list in memory.
                self._schemas[tool.name] = tool.input_schema.copy()
            else:
                self._schemas.pop(tool.name, None)

    def headers(
        self, method: str, params: Mapping[str, Raw], meta: Mapping[str, Raw]
    ) -> dict[str, str]:
        """Return the routing headers of a modern request; `meta` is its `params._meta`."""
        headers = {"Mcp-Method": encode_value(method)}
        version = text(meta[META_VERSION])
        if version is not None:
            headers["MCP-Protocol-Version"] = encode_value(version)
        parameter = NAME_BEARING.get(method)
        raw_name = None if parameter is None else params.get(parameter)
        name = None if raw_name is None else text(raw_name)
        if name is None:
            return headers
        headers["Mcp-Name"] = encode_value(name)
        schema = self._schemas.get(name) if method == "tools/call" else None
        if schema is not None:
            headers.update(param_headers(schema, params.get("arguments")))
        return headers
