"""The shapes that cross the seam to an upstream: requests out; replies, news and questions in.

JSON stays raw bytes: what passes through passes verbatim.
"""

from msgspec import Raw, Struct

from mcpgw.protocol.era import Era


class Outgoing(Struct, frozen=True):
    """A request to a server.

    `params` is a raw JSON object, complete with the `_meta` that the upstream's era wants. `name`
    is the server's own name of the target (tool, prompt or URI), for the routing header, else
    None. `headers` are further `Mcp-Param-*` headers. `timeout_s` bounds the whole exchange.
    `client` says whose call it is, where a server's words do not say which call they belong to.
    """

    id: int
    method: str
    params: bytes
    name: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 60.0
    client: str = ""


class Reply(Struct, frozen=True):
    """The final answer: either its result or its error is set, as raw JSON.

    `status` is the HTTP status that came with an error, 0 when it was none that says more.
    `redactions` is how many secrets of the server's were taken out of what it said.
    """

    result: Raw | None
    error: Raw | None
    status: int = 0
    redactions: int = 0


class Notification(Struct, frozen=True):
    """A notification from a server: `params` is a raw JSON object, `{}` when there was none."""

    method: str
    params: Raw


PAUSED = Notification("", Raw(b"{}"))
"""Stands among a server's notifications where it ended its stream before the answer, for its client
to come back for the rest. Known by identity."""


class Question(Struct, frozen=True):
    """A server's request to the client: elicitation, sampling or roots. `params` as above."""

    method: str
    params: Raw


class Lane(Struct, frozen=True):
    """Whose calls a connection carries: clients alike share one.

    `era` is the client's; a server that speaks both is spoken to in it. `capabilities` is
    canonical JSON of what the client can be asked for, `{}` for nothing. `client` tells clients
    apart where a server's questions do not say which call they belong to.
    """

    era: Era
    capabilities: bytes = b"{}"
    client: str = ""
