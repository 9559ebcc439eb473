"""What the measured servers say: the least of MCP that a client needs, in both eras, as bytes.

A call of `echo` is answered with its own nonce, one of `big` with 100 KB that begin with it. Made
to cost next to nothing: lists are encoded once, and only the envelope of a request is decoded.
"""

from functools import cache

from msgspec import Raw, Struct, field, json

BIG_BYTES = 100_000

_SERVER = b'{"name":"mcpgw-bench-server","version":"1"}'
_META = b'"_meta":{"io.modelcontextprotocol/serverInfo":' + _SERVER + b"}"
_KEPT = b'"resultType":"complete","ttlMs":60000,"cacheScope":"private",'
_DISCOVERED = (
    b"{" + _KEPT + b'"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},' + _META + b"}"
)
_INITIALIZED = (
    b'{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":' + _SERVER + b"}"
)
_LEGACY_CALLED = b',"result":{"content":[{"type":"text","text":"'
_CALLED = _LEGACY_CALLED.replace(b"{", b'{"resultType":"complete",', 1)
_CALLED_END = b'"}],"isError":false}}'
_PADDING = b"." * BIG_BYTES
_NO_METHOD = b',"error":{"code":-32601,"message":"Method not found"}}'


class _Arguments(Struct):
    nonce: str = ""


class _Params(Struct):
    name: str = ""
    arguments: _Arguments = field(default_factory=_Arguments)


class _Request(Struct):
    method: str
    id: Raw = Raw(b"")
    params: _Params = field(default_factory=_Params)


_decoder = json.Decoder(_Request)


def reply(body: bytes, tool_count: int, is_legacy: bool = False) -> tuple[str, bytes]:
    """Return the method of a message and the answer to it, empty for a notification.

    Args:
        body: the message.
        tool_count: how many tools the server lists.
        is_legacy: whether it knows nothing of the modern era.
    """
    request = _decoder.decode(body)
    if not len(request.id):
        return request.method, b""
    start = b'{"jsonrpc":"2.0","id":' + bytes(request.id)
    if request.method == "tools/call":
        nonce = request.params.arguments.nonce.encode()
        padding = _PADDING[len(nonce) :] if request.params.name == "big" else b""
        called = _LEGACY_CALLED if is_legacy else _CALLED
        return request.method, b"".join((start, called, nonce, padding, _CALLED_END))
    if request.method == "tools/list":
        result = _listed(tool_count, is_legacy)
    elif request.method == "initialize":
        result = _INITIALIZED
    elif request.method == "server/discover" and not is_legacy:
        result = _DISCOVERED
    elif request.method == "ping":
        result = b"{}"
    else:
        return request.method, start + _NO_METHOD
    return request.method, b"".join((start, b',"result":', result, b"}"))


@cache
def _listed(count: int, is_legacy: bool) -> bytes:
    """Return `echo`, `big` and as many more as it takes, each of the size that real tools have."""
    names = ["echo", "big", *(f"tool_{number:03d}" for number in range(count))][:count]
    properties = {
        "nonce": {"type": "string", "description": "what to repeat"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    }
    schema = {"type": "object", "properties": properties, "required": ["nonce"]}
    tools = json.encode(
        [
            {"name": name, "description": f"The tool {name} repeats. " * 4, "inputSchema": schema}
            for name in names
        ]
    )
    return b"{" + (b"" if is_legacy else _KEPT) + b'"tools":' + tools + b"}"
