"""Which server a link came from: tools return URIs that no list holds, and clients read them.

Remembered per token, since a result is only its caller's to know; the oldest are forgotten first.
"""

from collections import OrderedDict
from collections.abc import Iterable

MAX_LINKS = 4096
"""Over all tokens."""


class Links:
    """The URIs that servers handed out lately."""

    def __init__(self) -> None:
        self._servers: OrderedDict[tuple[str, str], str] = OrderedDict()

    def remember(self, token_id: str, uris: Iterable[str], server_id: str) -> None:
        """Note that a server handed these URIs to the bearer of that token."""
        for uri in uris:
            self._servers[token_id, uri] = server_id
            self._servers.move_to_end((token_id, uri))
        while len(self._servers) > MAX_LINKS:
            self._servers.popitem(last=False)

    def server_of(self, token_id: str, uri: str) -> str | None:
        """Return the id of the server that handed out a URI, None when nobody did."""
        return self._servers.get((token_id, uri))
