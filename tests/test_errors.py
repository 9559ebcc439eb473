"""The error tree: codes are distinct, words are kept."""

import pytest

from mcpgw import errors
from mcpgw.errors import GatewayError, ProtocolError, UpstreamError, UpstreamTimeout

CODES = {
    "GatewayError": "internal",
    "InvalidInput": "invalid",
    "NotFound": "not_found",
    "Conflict": "conflict",
    "Unauthenticated": "unauthenticated",
    "Forbidden": "forbidden",
    "Limited": "limited",
    "VaultLocked": "vault_locked",
    "StorageError": "storage",
    "ProtocolError": "protocol",
    "Cancelled": "cancelled",
    "UpstreamError": "upstream",
    "UpstreamTimeout": "upstream_timeout",
    "HeadersRefused": "upstream_headers",
}


def every_class() -> dict[str, type[GatewayError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, GatewayError)
    }


def test_each_class_has_its_code_and_stands_in_the_tree_on_top() -> None:
    assert {name: kind.code for name, kind in every_class().items()} == CODES
    for name, code in CODES.items():
        assert name in (errors.__doc__ or "")
        assert code in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", [k for k in every_class().values() if k is not ProtocolError])
def test_message_and_hint_are_kept_and_the_message_is_what_str_shows(
    kind: type[GatewayError],
) -> None:
    error = kind("no server 'x'", "servers: y")
    assert (str(error), error.message, error.hint) == (
        "no server 'x'",
        "no server 'x'",
        "servers: y",
    )
    assert kind("alone").hint == ""


def test_a_protocol_error_carries_the_code_and_data_of_the_specification() -> None:
    error = ProtocolError("unsupported", -32022, "use another", data=b'{"supported":[]}')
    assert (error.rpc_code, error.data) == (-32022, b'{"supported":[]}')
    assert (error.message, error.hint) == ("unsupported", "use another")
    assert ProtocolError("x", -32600).data is None


def test_who_catches_upstream_errors_catches_their_timeouts() -> None:
    with pytest.raises(UpstreamError):
        raise UpstreamTimeout("jira did not answer")
