"""Every error has its status and its code, and says nothing of a cause."""

import asyncio
import inspect

import msgspec
import pytest

from mcpgw import errors
from mcpgw.errors import Forbidden, GatewayError, ProtocolError, Unauthenticated
from mcpgw.web.errors import HTTP_STATUS, RPC_CODE, error_response, rpc_error_response
from tests.web.conftest import Client, modern_body, modern_headers

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


@pytest.mark.parametrize(
    ("ending", "is_kept"),
    [("HTTP/1.1\r\n", True), ("HTTP/1.1\r\nConnection: close\r\n", False), ("HTTP/1.0\r\n", False)],
)
async def test_an_answer_suits_every_version_of_http(
    client: Client, ending: str, is_kept: bool
) -> None:
    body = msgspec.json.encode(modern_body("tools/list"))
    head = f"POST /ws/demo {ending}Host: localhost\r\nX-API-Key: {client.token}\r\n"
    lines = modern_headers("tools/list") | {"Content-Length": str(len(body))}
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + b"\r\n" + body)
    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 5)
    assert b" 200 OK\r\n" in answer
    for header in (b"Date: ", b"Server: mcpgw", b"application/json", b"Content-Length: "):
        assert header in answer
    if is_kept:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    else:
        await asyncio.wait_for(reader.read(), 5)
        assert reader.at_eof()
    writer.close()


async def test_a_large_answer_is_whole(client: Client) -> None:
    await client.world.server("git", log="x" * 100_000)
    listed = await client.modern("tools/list")
    assert len(listed.json["result"]["tools"][0]["description"]) > 90_000
