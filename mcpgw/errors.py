"""Every error a caller can meet, on one page.

```
GatewayError(message, hint="")   code               HTTP  JSON-RPC   CLI exit
├─ InvalidInput                  invalid            400   -32602     2
├─ NotFound                      not_found          404   -32602     3
├─ Conflict                      conflict           409   -32602     5
├─ Unauthenticated               unauthenticated    401   (HTTP)     4
├─ Forbidden                     forbidden          403   -31010     4
├─ Limited                       limited            429   -31016     75
├─ VaultLocked                   vault_locked       503   -31011     78
├─ StorageError                  storage            503   -31014     74
├─ ProtocolError(rpc_code)       protocol           400   its own    6   the peer broke MCP
├─ Cancelled                     cancelled          499   (no reply) 130
└─ UpstreamError                 upstream           502   -31012     6
   ├─ HeadersRefused             upstream_headers   502   -31012     6   the server's tool changed
   └─ UpstreamTimeout            upstream_timeout   504   -31013     6
anything else                    internal           500   -32603     1  shown as "Internal error"
```

A class exists only because some caller catches it apart. HTTP statuses and JSON-RPC codes live in
`web/errors.py`, exit codes in `cli/output.py`. `message` is for the person and `hint` says what to
do next; neither may contain a secret, a token or a payload.
"""


class GatewayError(Exception):
    """Something went wrong that a person can be told about."""

    code = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(GatewayError):
    """The caller sent something that can never work."""

    code = "invalid"


class NotFound(GatewayError):
    """There is no such thing, or the caller may not know that there is."""

    code = "not_found"


class Conflict(GatewayError):
    """The change contradicts what already stands."""

    code = "conflict"


class Unauthenticated(GatewayError):
    """No valid token for this workspace. Never says which part was wrong."""

    code = "unauthenticated"


class Forbidden(GatewayError):
    """The token is valid; its role does not allow this."""

    code = "forbidden"


class Limited(GatewayError):
    """Too much for now. `retry_after_s` says when it is worth another try."""

    code = "limited"

    def __init__(self, message: str, hint: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class VaultLocked(GatewayError):
    """The master key is missing or wrong, so nothing sealed can be opened."""

    code = "vault_locked"


class StorageError(GatewayError):
    """A database cannot be read or written. Nothing was changed, nothing is served unrecorded."""

    code = "storage"


class ProtocolError(GatewayError):
    """The peer broke MCP or JSON-RPC.

    `rpc_code` is the code of the specification; `data` is the raw JSON of the error's `data`.
    """

    code = "protocol"

    def __init__(
        self, message: str, rpc_code: int, hint: str = "", data: bytes | None = None
    ) -> None:
        super().__init__(message, hint)
        self.rpc_code = rpc_code
        self.data = data


class Cancelled(GatewayError):
    """The caller took the request back."""

    code = "cancelled"


class UpstreamError(GatewayError):
    """A server could not be reached, or did not answer as MCP says. `message` names the server.

    `status` is the HTTP status by which it refused, 0 when it was none.
    """

    code = "upstream"

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class UpstreamTimeout(UpstreamError):
    """A server did not answer in time."""

    code = "upstream_timeout"


class HeadersRefused(UpstreamError):
    """A server found our headers at odds with the call (-32020): its tools may have changed."""

    code = "upstream_headers"
