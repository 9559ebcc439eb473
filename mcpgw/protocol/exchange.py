"""The three shapes that cross the seam to an upstream: a request out, a reply and notifications in.

JSON stays raw bytes: what passes through passes verbatim.
"""

from msgspec import Raw, Struct


class Outgoing(Struct, frozen=True):
    """A request to a server.

    `params` is a raw JSON object, complete with the `_meta` that the upstream's era wants. `name`
    is the server's own name of the target (tool, prompt or URI), for the routing header, else
    None. `headers` are further `Mcp-Param-*` headers. `timeout_s` bounds the whole exchange.
    """

    id: int
    method: str
    params: bytes
    name: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 60.0


class Reply(Struct, frozen=True):
    """The final answer: exactly one of the two is set, as raw JSON."""

    result: Raw | None
    error: Raw | None


class Notification(Struct, frozen=True):
    """A notification from a server: `params` is a raw JSON object, `{}` when there was none."""

    method: str
    params: Raw
