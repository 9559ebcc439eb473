"""Words by which tools say that a limit was reached."""

import pytest
from msgspec import Raw

from mcpgw.protocol.rate_limit import READ_BYTES, says_limit_reached


@pytest.mark.parametrize(
    ("said", "is_limit"),
    [
        (b'{"content":[{"text":"API rate limit exceeded for user 1"}],"isError":true}', True),
        (b'{"code":-32000,"message":"Too Many Requests"}', True),
        (b'{"code":-32000,"message":"HTTP 429"}', True),
        (b'{"message":"rate_limited"}', True),
        (b'{"message":"quota exceeded"}', True),
        (b'{"message":"issue 4290 not found"}', False),
        (b'{"message":"no such file"}', False),
        (b"", False),
        (b"x" * READ_BYTES + b"rate limit", False),
    ],
)
def test_what_says_so(said: bytes, is_limit: bool) -> None:
    assert says_limit_reached(said) is is_limit
    assert says_limit_reached(Raw(said)) is is_limit
