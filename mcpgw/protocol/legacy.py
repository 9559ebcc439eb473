"""The handshake of the legacy era: `initialize`, and the revision that a session speaks.

Source: MCP 2025-11-25, basic/lifecycle.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.era import LEGACY_VERSIONS, NEWEST_LEGACY
from mcpgw.protocol.jsonrpc import (
    INVALID_PARAMS,
    is_object,
    read_object,
    text,
    write_object,
)

_NOTHING = Raw(b"null")


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What a client said at `initialize`, and the revision it gets. `capabilities` is raw JSON."""

    version: str
    client_name: str
    client_version: str
    capabilities: bytes


def negotiate(params: Mapping[str, Raw]) -> SessionStart:
    """Agree on a revision: the one asked for, or our newest when we do not know it.

    Tolerant of everything else: a client that describes itself badly is a client without a name.

    Raises:
        ProtocolError: -32602, `protocolVersion` is not a string.
    """
    asked = text(params.get("protocolVersion", _NOTHING))
    if asked is None:
        raise ProtocolError("initialize needs protocolVersion, a string", INVALID_PARAMS)
    info = params.get("clientInfo", _NOTHING)
    client = read_object(info) if is_object(info) else {}
    capabilities = params.get("capabilities", _NOTHING)
    return SessionStart(
        version=asked if asked in LEGACY_VERSIONS else NEWEST_LEGACY,
        client_name=text(client.get("name", _NOTHING)) or "",
        client_version=text(client.get("version", _NOTHING)) or "",
        capabilities=bytes(capabilities) if is_object(capabilities) else b"{}",
    )


def initialize_result(
    version: str, capabilities: bytes, instructions: str, server_info: bytes
) -> bytes:
    """Return the result of `initialize`; empty instructions are left out."""
    members = {
        "protocolVersion": msgspec.json.encode(version),
        "capabilities": capabilities,
        "serverInfo": server_info,
    }
    if instructions:
        members["instructions"] = msgspec.json.encode(instructions)
    return write_object(members)
