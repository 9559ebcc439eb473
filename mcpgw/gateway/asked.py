"""A client's request with all that is known of who sent it. Does nothing with it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec import Raw, structs

from mcpgw.gateway.access import Admission
from mcpgw.gateway.ports import Send
from mcpgw.gateway.session import Session
from mcpgw.model.audit import Outcome, Surface
from mcpgw.protocol.capability import askable
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES
from mcpgw.protocol.inbound import Call

NOTHING = b"{}"
"""The capabilities of a client that cannot be asked for anything."""

KEPT_BYTES = 4096
"""Longer descriptions that clients give of themselves are not remembered."""

_remembered = lru_cache(maxsize=1024)(askable)
"""Clients of one kind say the same of themselves at every request."""


class Errand(Protocol):
    """What a door that is not MCP's has to do with its call while that is made."""

    def fit(self, item: Mapping[str, Raw], params: Mapping[str, Raw]) -> dict[str, Raw]:
        """Return the call's parameters as the tool, described by its raw members, takes them.

        Raises ProtocolError (-32602) when they cannot be.
        """

    def ended(self, server: str, outcome: Outcome, error_class: str) -> None:
        """Take note of how the call ended, in the words of the journal."""


class Asked(msgspec.Struct, frozen=True):
    """One request.

    `version` is the revision agreed on. `send` takes messages for the client ahead of the answer;
    None when it cannot take any. `session` is that of a legacy client. `surface` is the door.
    """

    call: Call
    admission: Admission
    version: str
    client_name: str
    client_address: str
    send: Send | None
    session: Session | None = None
    errand: Errand | None = None
    client_version: str = ""
    surface: Surface = Surface.MCP

    def with_meta(self, members: Mapping[str, Raw]) -> "Asked":
        """Return the same request with other members of its `_meta`."""
        meta = {**self.call.meta, **members}
        return structs.replace(self, call=structs.replace(self.call, meta=meta))

    @property
    def capabilities(self) -> bytes:
        """What the client declared, as raw JSON."""
        if self.session is not None:
            return self.session.capabilities.encode()
        return bytes(self.call.meta.get(META_CLIENT_CAPABILITIES, NOTHING))

    @property
    def askable(self) -> bytes:
        """What the client can be asked for during this request, as canonical JSON."""
        if self.session is not None and self.send is None:
            return NOTHING
        capabilities = self.capabilities
        return (_remembered if len(capabilities) <= KEPT_BYTES else askable)(capabilities)

    @property
    def client(self) -> str:
        """What tells this client from others: its token, and its session if it has one."""
        token_id = self.admission.principal.token_id
        return token_id if self.session is None else f"{token_id}:{self.session.id}"

    def fitted(self, item: Mapping[str, Raw]) -> "Asked":
        """Return the request as the tool takes it that these raw members describe.

        Raises:
            ProtocolError: -32602, its arguments do not fit the tool.
        """
        if self.errand is None:
            return self
        params = self.errand.fit(item, self.call.params)
        return msgspec.structs.replace(self, call=msgspec.structs.replace(self.call, params=params))
