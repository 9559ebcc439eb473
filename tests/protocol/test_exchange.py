"""What crosses the seam to an upstream cannot change on the way."""

import pytest
from msgspec import Raw
from msgspec.structs import fields

from mcpgw.protocol.exchange import Notification, Outgoing, Reply


def test_a_request_has_no_target_and_no_headers_unless_said() -> None:
    request = Outgoing(1, "tools/list", b"{}")
    assert (request.name, request.headers) == (None, ())
    assert request.timeout_s > 0


@pytest.mark.parametrize(
    "shape",
    [Outgoing(1, "ping", b"{}"), Reply(Raw(b"{}"), None), Notification("a", Raw(b"{}"))],
)
def test_what_crosses_the_seam_does_not_change(shape: Outgoing | Reply | Notification) -> None:
    for field in fields(shape):
        with pytest.raises(AttributeError):
            setattr(shape, field.name, None)
