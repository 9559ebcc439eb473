import json

import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.jsonrpc import INVALID_PARAMS, read_object
from mcpgw.protocol.legacy import SessionStart, initialize_result, negotiate


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            b'{"protocolVersion":"2025-06-18","capabilities":{"roots": {}},'
            b'"clientInfo":{"name":"cursor","version":"1.2"}}',
            SessionStart("2025-06-18", "cursor", "1.2", b'{"roots": {}}'),
        ),
        (b'{"protocolVersion":"2024-11-05"}', SessionStart("2024-11-05", "", "", b"{}")),
        (b'{"protocolVersion":"2025-03-26"}', SessionStart("2025-03-26", "", "", b"{}")),
        (b'{"protocolVersion":"2025-11-25"}', SessionStart("2025-11-25", "", "", b"{}")),
        (b'{"protocolVersion":"2026-07-28"}', SessionStart("2025-11-25", "", "", b"{}")),
        (b'{"protocolVersion":"1999"}', SessionStart("2025-11-25", "", "", b"{}")),
        (
            b'{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":"me"}',
            SessionStart("2025-11-25", "", "", b"{}"),
        ),
        (
            b'{"protocolVersion":"2025-11-25","clientInfo":{"name":5,"version":null}}',
            SessionStart("2025-11-25", "", "", b"{}"),
        ),
    ],
)
def test_negotiate(params: bytes, expected: SessionStart) -> None:
    assert negotiate(read_object(params)) == expected


@pytest.mark.parametrize(
    "params", [{}, {"protocolVersion": Raw(b"20251125")}, {"protocolVersion": Raw(b"null")}]
)
def test_negotiate_needs_a_version(params: dict[str, Raw]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        negotiate(params)
    assert refusal.value.rpc_code == INVALID_PARAMS


@pytest.mark.parametrize("instructions", ["", 'Say "hello".'])
def test_initialize_result(instructions: str) -> None:
    info = b'{"name":"mcpgw","version":"0.1.0"}'
    result = initialize_result("2025-06-18", b'{"tools":{}}', instructions, info)
    expected = {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "mcpgw", "version": "0.1.0"},
    }
    assert json.loads(result) == expected | ({"instructions": instructions} if instructions else {})
