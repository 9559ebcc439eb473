"""What could be read in two ways is refused; what means nothing to anybody passes."""

import asyncio

import pytest
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from mcpgw.web import head
from mcpgw.web.head import Heads
from mcpgw.web.refusal import Refused
from tests.web.conftest import Client


def asked(*headers: tuple[str, str], version: object = HttpVersion11) -> web.Request:
    return make_mocked_request(
        "POST",
        "/",
        headers=CIMultiDict([("Host", "localhost"), *headers]),
        version=version,  # type: ignore[arg-type]
    )


def status(*headers: tuple[str, str], version: object = HttpVersion11) -> int:
    try:
        Heads().check(asked(*headers, version=version))
    except Refused as error:
        return error.http_status
    return 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Accept", "a"), ("Accept", "b")],
        [("X-Forwarded-For", "a"), ("X-Forwarded-For", "b")],
        [("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "Chunked")],
        [("Expect", "100-continue")],
        [("X_Trace", "1"), ("my_header", "2"), ("_", "3")],
        [("Mcp-Param-user_id", "1"), ("Mcp-Param-_", "2"), ("X-Forwarded-For_Real", "x")],
        [("Mcp-Session-Id", "x"), ("Cookie", "y")],
    ],
)
def test_harmless(headers: list[tuple[str, str]]) -> None:
    assert status(*headers) == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400),
        ([("Authorization", "Bearer a"), ("AUTHORIZATION", "Bearer a")], 400),
        ([("X-API-Key", "a"), ("x-api-key", "b")], 400),
        ([("host", "evil.example")], 400),
        ([("Content-Length", "1"), ("Content-Length", "1")], 400),
        ([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], 400),
        ([("Content-Type", "text/plain"), ("Content-Type", "application/json")], 400),
        ([("Origin", "a"), ("Origin", "b")], 400),
        ([("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "none")], 400),
        ([("Content_Length", "1")], 400),
        ([("Transfer_Encoding", "chunked")], 400),
        ([("AUTHORIZATION_", "x")], 200),
        ([("X_API_Key", "x")], 400),
        ([("X-API_Key", "x")], 400),
        ([("x_forwarded_for", "x")], 400),
        ([("X-Forwarded_For", "x")], 400),
        ([("Mcp_Session_Id", "x")], 400),
        ([("Mcp-Session_Id", "x")], 400),
        ([("MCP-Protocol_Version", "x")], 400),
        ([("mcp-param_user", "x")], 400),
        ([("Sec_Fetch_Site", "none")], 400),
        ([("Content-Encoding", "gzip")], 415),
        ([("content-encoding", "identity")], 415),
        ([("Transfer-Encoding", "gzip, chunked")], 400),
        ([("Transfer-Encoding", "identity")], 400),
        ([("Transfer-Encoding", "chunked, chunked")], 400),
        ([("Transfer-Encoding", "")], 400),
        ([("Expect", "miracles")], 417),
        ([("Expect", "100-continue, miracles")], 417),
    ],
)
def test_refused(headers: list[tuple[str, str]], expected: int) -> None:
    assert status(*headers) == expected


def test_the_older_version_has_no_codings() -> None:
    assert status(("Transfer-Encoding", "chunked"), version=HttpVersion10) == 400
    assert status(version=HttpVersion10) == 200


@pytest.mark.parametrize("version", ["0.9", "2.0"])
async def test_other_versions_are_not_spoken(client: Client, version: str) -> None:
    """The parser lets them pass."""
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /healthz HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 505 ")
    writer.close()


def test_what_was_harmless_is_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never what was refused, or has values to look at."""
    monkeypatch.setattr(head, "MAX_REMEMBERED", 2)
    heads = Heads()
    for number in range(5):
        heads.check(asked((f"X-{number}", "1")))
    heads.check(asked(("X-" + "y" * head.MAX_REMEMBERED_BYTES, "1")))
    assert heads._harmless == {b"Host\nX-0", b"Host\nX-1"}
    monkeypatch.setattr(head, "MAX_REMEMBERED", 99)
    for headers in ([("Content_Length", "1")], [("Expect", "miracles")]):
        for _ in range(2):
            with pytest.raises(Refused):
                heads.check(asked(*headers))
    heads.check(asked(("Transfer-Encoding", "chunked")))
    with pytest.raises(Refused):
        heads.check(asked(("Transfer-Encoding", "gzip")))
    assert len(heads._harmless) == 2
