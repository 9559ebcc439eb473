import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.cursor import decode, encode
from mcpgw.protocol.jsonrpc import INVALID_PARAMS


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_leads_back_to_its_item(after: str) -> None:
    cursor = encode(after)
    assert decode(Raw(json.dumps(cursor).encode())) == after
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_has_two_meanings(said: str) -> None:
    try:
        after = decode(Raw(json.dumps(said).encode()))
    except ProtocolError as refusal:
        assert refusal.rpc_code == INVALID_PARAMS
    else:
        assert encode(after) == said


@pytest.mark.parametrize(
    "raw",
    [
        b'""',
        b'"invalid-cursor"',
        b'"YQ"',
        b'"YWZ0ZXI6YQ=="',
        b'"YWZ0ZXI6YR"',
        b'"YWZ0ZXI6/w"',
        b'"YWZ0ZXI6_w"',
        b'"\\u00e9"',
        b'"A"',
        b"5",
        b"null",
        b"{}",
    ],
)
def test_what_is_no_cursor_of_ours(raw: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        decode(Raw(raw))
    assert refusal.value.rpc_code == INVALID_PARAMS
