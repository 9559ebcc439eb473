"""Tokens and what they are held to."""

from typing import Annotated, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from mcpgw.gateway.token import NEVER_S, Issued, TokenSeen
from mcpgw.model import bounds as model
from mcpgw.model import token as records
from mcpgw.model.token import Role
from mcpgw.web.wire.moment import Moment, moment, seconds_of

_Patterns = Annotated[
    tuple[str, ...], Meta(max_length=model.MAX_PATTERNS, description="Names; `*` and `?` match.")
]
_Networks = Annotated[
    tuple[str, ...], Meta(max_length=model.MAX_PATTERNS, description="As in 10.1.0.0/16.")
]
_Rate = Annotated[str, Meta(max_length=20, description="As in 120/m or 10/s.")]
_Concurrency = Annotated[int, Meta(ge=1, le=model.MAX_CONCURRENCY)]
_Seconds = Annotated[float, Meta(gt=0, le=model.MAX_TTL_S)]

Ttl = _Seconds | Literal["never"]
"""How long a token lives, in seconds."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What limits a token. An empty list, or null, is no limit."""

    servers: _Patterns = ()
    tools: _Patterns = ()
    addresses: _Networks = ()
    rate: _Rate | None = None
    concurrency: _Concurrency | None = None

    @classmethod
    def of(cls, bounds: model.Bounds) -> Self:
        """Return what there is to tell of a record."""
        return cls(
            servers=bounds.servers,
            tools=bounds.tools,
            addresses=bounds.addresses,
            rate=None if bounds.rate is None else str(bounds.rate),
            concurrency=bounds.concurrency,
        )

    def bounds(self) -> model.Bounds:
        """Return the record.

        Raises:
            InvalidInput: the rate is written otherwise.
        """
        return model.Bounds(
            servers=self.servers,
            tools=self.tools,
            addresses=self.addresses,
            rate=None if self.rate is None else model.parse_rate(self.rate),
            concurrency=self.concurrency,
        )


class NewBounds(Bounds, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to limit a token."""


class NewToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to issue. Without `ttl_s` it lives as long as the workspace says."""

    member: Annotated[str, Meta(min_length=1, max_length=records.MAX_MEMBER)]
    role: Role
    ttl_s: Ttl | UnsetType = UNSET
    bounds: NewBounds = NewBounds()

    def life_s(self) -> float | None:
        """Return `ttl_s` as use cases take it."""
        return life_s(self.ttl_s)


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a token is replaced: for `overlap_s` both are good.

    Without `ttl_s` the new one lives as long as the old one was made to.
    """

    overlap_s: Annotated[float, Meta(ge=0, le=model.MAX_TTL_S)] = 0.0
    ttl_s: Ttl | UnsetType = UNSET

    def life_s(self) -> float | None:
        """Return `ttl_s` as use cases take it."""
        return life_s(self.ttl_s)


class Token(Struct, frozen=True, kw_only=True):
    """What is known of a token; never the token itself. `last_used_at` is that of its last call."""

    id: str
    member: str
    role: Role
    state: Annotated[str, Meta(description="active, expired or revoked")]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None
    bounds: Bounds

    @classmethod
    def of(cls, seen: TokenSeen, now: float) -> "Token":
        """Return what there is to tell of a record at `now`."""
        token = seen.token
        return cls(
            id=token.id,
            member=token.member,
            role=token.role,
            state=token.state(now),
            created_at=moment(token.created_at),
            expires_at=moment(token.expires_at),
            revoked_at=moment(token.revoked_at),
            last_used_at=moment(seen.last_used_at),
            bounds=Bounds.of(token.bounds),
        )

    def seen(self) -> TokenSeen:
        """Return the record, without what decides about it."""
        token = records.Token(
            id=self.id,
            workspace_id="",
            member=self.member,
            role=self.role,
            index=b"",
            row_mac=b"",
            created_at=seconds_of(self.created_at),
            expires_at=seconds_of(self.expires_at),
            revoked_at=seconds_of(self.revoked_at),
            bounds=self.bounds.bounds(),
        )
        return TokenSeen(token, seconds_of(self.last_used_at))


class IssuedToken(Token, frozen=True, kw_only=True):
    """A new token. This is the only answer in which `token`, the token itself, stands."""

    token: str

    @classmethod
    def made(cls, issued: Issued, now: float) -> "IssuedToken":
        """Return what there is to tell of a new token."""
        told = Token.of(TokenSeen(issued.token, None), now)
        return cls(token=issued.text, **structs.asdict(told))

    def issued(self) -> Issued:
        """Return the record."""
        return Issued(self.seen().token, self.token)

    def __repr__(self) -> str:
        """Hide the token."""
        return f"IssuedToken(id={self.id!r})"


def life_s(ttl: Ttl | UnsetType) -> float | None:
    """Return how long a token is to live as use cases take it."""
    if ttl is UNSET:
        return None
    return NEVER_S if ttl == "never" else float(ttl)


def ttl_of(seconds: float | None) -> Ttl | UnsetType:
    """Return how long a token is to live as JSON has it."""
    if seconds is None:
        return UNSET
    return "never" if seconds == NEVER_S else seconds
