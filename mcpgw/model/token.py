"""Tokens: their format, their records, roles, and who is asking.

Theory: a token is `mgwu_` + 43 base62 characters (256 random bits) + 6 base62 characters of CRC-32
over all before. A double click selects it, secret scanners verify it offline, and a mistyped one
is refused before any look-up. The store holds only a keyed digest of it.
"""

import re
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from mcpgw.errors import InvalidInput
from mcpgw.model.bounds import UNBOUND, Bounds
from mcpgw.model.workspace import ReadonlyTools

PREFIX = "mgwu_"
"""Marks a workspace token."""

TOKEN_PATTERN = r"\bmgw[uswr]_[0-9A-Za-z]{49}\b"  # noqa: S105  (a pattern, no token)
"""What a secret scanner looks for."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(PREFIX + "[0-9A-Za-z]{49}")

ENTROPY_BYTES = 32
"""256 bits, so a fast keyed digest is enough (OWASP ASVS 6.5.2 asks for 112)."""

MAX_MEMBER = 254

EXPIRING_S = 7 * 86400.0
"""Tokens that end within this time are worth a word."""


class Role(StrEnum):
    """What class of rights a token has."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    READONLY = "readonly"


@dataclass(frozen=True, slots=True)
class Token:
    """A token's record. Never the token itself: `index` is its keyed digest.

    `row_mac` covers every field that decides, so that who can only write the database cannot mint
    or widen a token. Times are UTC seconds; `expires_at` None means never.
    """

    id: str
    workspace_id: str
    member: str
    role: Role
    index: bytes
    row_mac: bytes
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    bounds: Bounds = UNBOUND

    def is_usable(self, now: float) -> bool:
        """Say whether the token is neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def is_expiring(self, now: float) -> bool:
        """Say whether the token is usable still, but not for long."""
        return (
            self.is_usable(now)
            and self.expires_at is not None
            and self.expires_at < now + EXPIRING_S
        )

    def state(self, now: float) -> str:
        """Return `active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.is_usable(now) else "expired"

    def decisive_fields(self) -> tuple[bytes, ...]:
        """Return what `row_mac` covers, in order."""
        expires = "" if self.expires_at is None else repr(self.expires_at)
        texts = (self.id, self.workspace_id, self.member, self.role.value, expires)
        # Tokens without bounds are covered as they were before there were any.
        bounds = () if self.bounds == UNBOUND else (msgspec.json.encode(self.bounds),)
        return (*(text.encode() for text in texts), self.index, *bounds)

    def with_mac(self, mac: bytes) -> "Token":
        """Return the record with its MAC."""
        return replace(self, row_mac=mac)


Rights = tuple[bool, tuple[str, ...], tuple[str, ...]]
"""What decides which tools, prompts and resources a principal sees; the same for many tokens."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a token's bearer, or the operator at the command line (`token_id` empty).

    `workspace_id` is None for the operator, who may act in every workspace. `bounds` are the
    token's with the workspace's defaults; `readonly_tools` is the workspace's setting.
    """

    token_id: str
    member: str
    role: Role
    workspace_id: str | None
    bounds: Bounds = UNBOUND
    readonly_tools: ReadonlyTools = ReadonlyTools.CLASSIFIED

    @property
    def is_reader(self) -> bool:
        """Whether only tools that are classed as reading are for this principal."""
        return self.role is Role.READONLY and self.readonly_tools is ReadonlyTools.CLASSIFIED

    @property
    def rights(self) -> Rights:
        """What decides what it sees: whether it only reads, and its patterns."""
        return self.is_reader, self.bounds.servers, self.bounds.tools

    @property
    def is_operator(self) -> bool:
        """Whether this is the person at the box's command line, not a token."""
        return self.workspace_id is None


OPERATOR = Principal("", "operator", Role.ADMIN, None)
"""Who runs commands on the box: the file modes of the data directory already let them in."""


def format_token(entropy: bytes) -> str:
    """Return the token that carries `entropy` (32 random bytes)."""
    body = PREFIX + _base62(int.from_bytes(entropy, "big"), 43)
    return body + _base62(zlib.crc32(body.encode()), 6)


def is_token(text: str) -> bool:
    """Say whether `text` has a token's shape and checksum."""
    if len(text) != 54 or not _SHAPE.fullmatch(text):
        return False
    return _base62(zlib.crc32(text[:48].encode()), 6) == text[48:]


def check_member(member: str) -> str:
    """Return `member` if it can name a person or an agent.

    Raises:
        InvalidInput: it is empty, too long, or has control characters.
    """
    if not member.strip() or len(member) > MAX_MEMBER or not member.isprintable():
        raise InvalidInput(
            "a member needs a printable name of 1 to 254 characters", "as in --member ana@team.org"
        )
    return member


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
