"""Errors as RFC 9457 describes them, with what to do about them."""

from msgspec import Struct

URN = "urn:mcpgw:error:"
"""What every type of problem begins with."""


class Refusal(Struct, frozen=True, kw_only=True):
    """What is wrong with a request that was turned away before it was known what it asks for."""

    error: str
    message: str
    hint: str = ""


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
