"""The way to a gateway elsewhere: it leaks nothing, follows nothing, and believes little."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from mcpgw.cli.remote import connection as module
from mcpgw.cli.remote.connection import connected, segment
from mcpgw.cli.target import Target
from mcpgw.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    InvalidInput,
    Limited,
    NotFound,
    StorageError,
    Unauthenticated,
    UpstreamError,
    UpstreamTimeout,
    VaultLocked,
)
from mcpgw.web.wire.me import Me
from mcpgw.web.wire.token import Token
from tests.certificate import make_pair
from tests.cli.remote.conftest import Peer, http, peer

CANARY = "mgwu_" + "C" * 49


async def failure(url: str, max_bytes: int = 10_000) -> GatewayError:
    """Return why nothing could be learned there."""
    async with connected(Target(url, "demo", CANARY), max_bytes) as connection:
        with pytest.raises(GatewayError) as caught:
            await connection.get(Me, "/me")
    assert CANARY not in caught.value.message + caught.value.hint
    return caught.value


def problem(kind: str, status: int) -> bytes:
    body = (
        f'{{"type":"urn:mcpgw:error:{kind}","title":"t","status":{status},"detail":"d","hint":"h"}}'
    )
    return http(f"{status} X", body.encode(), "application/problem+json")


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("invalid", 400, InvalidInput),
        ("not_found", 404, NotFound),
        ("conflict", 409, Conflict),
        ("precondition_failed", 412, Conflict),
        ("forbidden", 403, Forbidden),
        ("limited", 429, Limited),
        ("vault_locked", 503, VaultLocked),
        ("storage", 503, StorageError),
        ("upstream", 424, UpstreamError),
        ("upstream_timeout", 424, UpstreamTimeout),
        ("internal", 500, GatewayError),
        ("something_newer", 404, NotFound),
        ("something_newer", 418, UpstreamError),
    ],
)
async def test_a_problem_is_the_error_that_it_was(
    kind: str, status: int, expected: type[GatewayError]
) -> None:
    async with peer(problem(kind, status)) as there:
        error = await failure(there.url)
    assert type(error) is expected
    assert (error.message, error.hint) == ("d", "h")


async def test_a_refused_token_says_which_workspace() -> None:
    async with peer(problem("unauthenticated", 401)) as there:
        error = await failure(there.url)
    assert isinstance(error, Unauthenticated)
    assert "workspace demo" in error.message


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", b"<html>hello</html>", "text/html"),
        http("200 OK", b"{}"),
        http("200 OK", b"[" * 5000),
        http("404 Not Found", b"nothing", "text/plain"),
        http("502 Bad Gateway", b"<html>nginx</html>", "text/html"),
        http("404 Not Found", problem("not_found", 404).partition(b"\r\n\r\n")[2]),
    ],
)
async def test_something_else_answers(answer: bytes) -> None:
    async with peer(answer) as there:
        error = await failure(there.url)
    assert type(error) is UpstreamError
    assert "no mcpgw answers" in error.message


@pytest.mark.parametrize(
    "status", ["301 Moved", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_no_redirect_is_followed(status: str) -> None:
    async with peer(http("200 OK", b"{}")) as elsewhere:
        more = f"Location: {elsewhere.url}/\r\n"
        async with peer(http(status, b"", more=more)) as there:
            assert isinstance(await failure(there.url), UpstreamError)
        assert elsewhere.heard == []


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(http("200 OK", b"{}")) as proxy, peer(problem("forbidden", 403)) as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert isinstance(await failure(there.url), Forbidden)
        assert proxy.heard == []
        (heard,) = there.heard
    assert heard.startswith(b"GET /api/v1/workspaces/demo/me HTTP/1.1\r\n")
    assert f"Authorization: Bearer {CANARY}".encode() in heard


async def test_an_answer_is_bounded_in_size_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(http("200 OK", b'"' + b"x" * 10_001 + b'"')) as there:
        assert "larger than 10000 bytes" in (await failure(there.url)).message
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    async with peer(b"") as there:
        assert isinstance(await failure(there.url), UpstreamTimeout)


async def test_nobody_is_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = await failure(f"http://127.0.0.1:{port}")
    assert "cannot be reached" in error.message


async def test_a_connection_that_breaks() -> None:
    async with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{") as there:
        assert "broke" in (await failure(there.url)).message


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    found = Peer(problem("forbidden", 403))
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=context) as server:
        error = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert "is not trusted" in error.message
    assert found.heard == []


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a b", "", ".", "a?b", "a#b", "%2e", "x" * 129, "ü"]
)
def test_a_name_that_would_be_another_path(name: str) -> None:
    with pytest.raises(NotFound):
        segment("token", name)


async def test_a_new_field_in_an_answer_is_no_hindrance() -> None:
    body = (
        b'{"id":"tok_1","member":"a","role":"admin","state":"active","created_at":'
        b'"2026-11-20T00:00:00Z","expires_at":null,"revoked_at":null,"last_used_at":null,'
        b'"bounds":{"newer":1},"newer":2}'
    )
    async with (
        peer(http("200 OK", body)) as there,
        connected(Target(there.url, "demo", CANARY), 10_000) as connection,
    ):
        assert (await connection.get(Token, "/tokens/tok_1")).id == "tok_1"
