"""Errors as RFC 9457 describes them, with what to do about them."""

from msgspec import Struct

URN = "urn:mcpgw:error:"
"""What every type of problem begins with."""


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong. `type` is stable, `detail` and `hint` are for people."""

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""

    @property
    def kind(self) -> str:
        """The word at the end of its type."""
        return self.type.removeprefix(URN)
