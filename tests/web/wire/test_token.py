"""Tokens travel whole, but for what decides about them."""

from dataclasses import replace

import msgspec
import pytest

from mcpgw.errors import InvalidInput
from mcpgw.gateway.token import NEVER_S, Issued, TokenSeen
from mcpgw.model.bounds import UNBOUND, Rate
from mcpgw.model.bounds import Bounds as BoundsRecord
from mcpgw.model.token import Role
from mcpgw.model.token import Token as TokenRecord
from mcpgw.web.wire.token import Bounds, IssuedToken, NewToken, Rotation, Token, ttl_of

NOW = 1_800_000_000.0
TOKEN = TokenRecord(
    "tok_1", "ws", "ana", Role.READONLY, b"index", b"mac", NOW, NOW + 60, None, UNBOUND
)
BOUNDS = BoundsRecord(("git",), ("git__*",), ("10.0.0.0/8",), Rate(120, 60.0), 5)


@pytest.mark.parametrize("bounds", [UNBOUND, BOUNDS])
def test_bounds_there_and_back(bounds: BoundsRecord) -> None:
    assert Bounds.of(bounds).bounds() == bounds


@pytest.mark.parametrize(
    ("token", "last_used_at", "state"),
    [
        (TOKEN, None, "active"),
        (replace(TOKEN, expires_at=None, bounds=BOUNDS), NOW, "active"),
        (replace(TOKEN, expires_at=NOW), NOW - 5, "expired"),
        (replace(TOKEN, revoked_at=NOW), None, "revoked"),
    ],
)
def test_a_record_there_and_back(
    token: TokenRecord, last_used_at: float | None, state: str
) -> None:
    told = Token.of(TokenSeen(token, last_used_at), NOW)
    assert told.state == state
    sent = msgspec.json.encode(told)
    assert b"mac" not in sent
    assert b"index" not in sent
    public = replace(token, workspace_id="", index=b"", row_mac=b"")
    assert msgspec.json.decode(sent, type=Token).seen() == TokenSeen(public, last_used_at)


def test_a_new_token_shows_itself_in_json_only() -> None:
    told = IssuedToken.made(Issued(TOKEN, "mgwu_canary"), NOW)
    assert "canary" not in repr(told)
    issued = msgspec.json.decode(msgspec.json.encode(told), type=IssuedToken).issued()
    assert issued.text == "mgwu_canary"
    assert issued.token.id == TOKEN.id


@pytest.mark.parametrize("life_s", [None, 60.0, NEVER_S])
def test_a_life_there_and_back(life_s: float | None) -> None:
    ttl = ttl_of(life_s)
    assert NewToken(member="a", role=Role.ADMIN, ttl_s=ttl).life_s() == life_s
    sent = msgspec.json.encode(Rotation(ttl_s=ttl))
    assert msgspec.json.decode(sent, type=Rotation).life_s() == life_s


def test_a_rate_that_is_none() -> None:
    with pytest.raises(InvalidInput):
        Bounds(rate="fast").bounds()
