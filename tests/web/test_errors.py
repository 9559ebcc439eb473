"""Every error has its status and its code, and says nothing of a cause."""

import inspect

import msgspec
import pytest

from mcpgw import errors
from mcpgw.errors import Forbidden, GatewayError, ProtocolError, Unauthenticated
from mcpgw.web.errors import HTTP_STATUS, RPC_CODE, error_response, rpc_error_response

CLASSES = [
    one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, GatewayError)
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_class_has_a_row(error: type[GatewayError]) -> None:
    assert HTTP_STATUS[error.code] >= 400
    assert RPC_CODE[error.code] < 0


def test_own_codes_stand_outside_of_the_reserved_range() -> None:
    standard = {-32602, -32603}
    assert all(code in standard or code > -32000 for code in RPC_CODE.values())


def test_a_refusal_names_the_scheme() -> None:
    response = error_response(Unauthenticated("who are you"))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "WWW-Authenticate" not in error_response(Forbidden("no")).headers


def test_a_protocol_error_keeps_its_code_and_data() -> None:
    response = rpc_error_response(ProtocolError("bad", -32602, data=b'{"x":1}'), b"5")
    assert isinstance(response.body, bytes)
    body = msgspec.json.decode(response.body)
    assert body["error"] == {"code": -32602, "message": "bad", "data": {"x": 1}}
    assert (response.status, body["id"]) == (200, 5)
    assert rpc_error_response(Forbidden("no"), b"5").status == 403
