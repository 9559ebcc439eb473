"""Members, and those who go."""

import msgspec

from mcpgw.gateway.member import MemberSeen, Offboarded
from mcpgw.gateway.secret import SecretSeen
from mcpgw.gateway.token import TokenSeen
from mcpgw.model.audit import ServerUse
from mcpgw.model.token import Role
from mcpgw.model.token import Token as TokenRecord
from mcpgw.web.wire.member import Departure, Member
from mcpgw.web.wire.token import Token

NOW = 1_800_000_000.0
TOKEN = TokenRecord("tok_1", "", "ana", Role.ADMIN, b"", b"", NOW, None, None)


def test_a_record_there_and_back() -> None:
    seen = MemberSeen("ana", (TokenSeen(TOKEN, NOW + 1), TokenSeen(TOKEN, None)))
    told = Member.of(seen, NOW + 2)
    assert told.good_tokens == 2
    assert msgspec.json.decode(msgspec.json.encode(told), type=Member).seen() == seen


def test_a_departure_there_and_back() -> None:
    gone = Offboarded(
        "ana", (TOKEN,), (("git", ServerUse(3, NOW)),), (SecretSeen("git", "K", None),), True
    )
    told = Departure.of(gone, (Token.of(TokenSeen(TOKEN, None), NOW),))
    assert msgspec.json.decode(msgspec.json.encode(told), type=Departure).offboarded() == gone
