"""Which token a connection was used with last: what waits in it is not delivered once that ended.

A result that has left the gateway for a client that reads slowly lies in the connection; nobody
else could take it back.
"""

import asyncio

from mcpgw.gateway.access import Admission
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.web.connection import Connection

GRACE_S = 0.1
"""How long the last word of a stream or call that is ended may take to leave."""


class Holding:
    """Ties connections to tokens."""

    def __init__(self, ongoing: Ongoing) -> None:
        self._ongoing = ongoing

    def hold(self, connection: object, admission: Admission) -> None:
        """Note that a connection is used with a token from now on."""
        if not isinstance(connection, Connection):
            return
        held = connection.entry
        if held is not None:
            if held.principal.token_id == admission.principal.token_id and not held.is_ended:
                return
            held.leave()
        connection.entry = self._ongoing.enter(admission, lambda: self._end(connection))

    def _end(self, connection: Connection) -> None:
        entry = connection.entry

        def drop_what_waits() -> None:
            transport = connection.transport
            is_same = connection.entry is entry
            if is_same and transport is not None and transport.get_write_buffer_size() > 0:
                transport.abort()

        asyncio.get_running_loop().call_later(GRACE_S, drop_what_waits)
