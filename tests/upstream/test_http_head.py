"""Requests are built from nothing: the exact bytes."""

import pytest

from mcpgw import __version__
from mcpgw.errors import UpstreamError
from mcpgw.model.server import HttpLaunch
from mcpgw.protocol.exchange import Outgoing
from mcpgw.upstream.http_head import RequestWriter, modern_lines, resuming_line, session_lines
from tests.live import filled, nothing


def test_a_post_is_one_piece_of_bytes() -> None:
    launch = HttpLaunch("https://mcp.example.com:8443/a/b?c=d%20e", (("X-Key", "${secret:K}"),))
    writer = RequestWriter("web", launch, filled(("X-Key", "välue")))
    assert (
        writer.post(b"Mcp-Method: ping\r\n", b"{}")
        == (
            "POST /a/b?c=d%20e HTTP/1.1\r\n"
            "Host: mcp.example.com:8443\r\n"
            "Accept-Encoding: identity\r\n"
            f"User-Agent: mcpgw/{__version__}\r\n"
            "Content-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
            "Mcp-Method: ping\r\n"
            "X-Key: välue\r\n"
            "Content-Length: 2\r\n"
            "\r\n"
            "{}"
        ).encode()
    )


def test_a_delete_has_no_body() -> None:
    writer = RequestWriter("web", HttpLaunch("http://[::1]:80"), nothing)
    assert writer.delete(b"Mcp-Session-Id: s\r\n") == (
        b"DELETE / HTTP/1.1\r\nHost: [::1]:80\r\nAccept-Encoding: identity\r\n"
        b"User-Agent: mcpgw/%b\r\nMcp-Session-Id: s\r\n\r\n" % __version__.encode()
    )


def test_a_get_asks_for_an_event_stream() -> None:
    launch = HttpLaunch("https://web/sse?a=b", (("X-Key", "${secret:K}"),))
    writer = RequestWriter("web", launch, filled(("X-Key", "value")))
    assert writer.get(b"Mcp-Session-Id: s\r\n") == (
        b"GET /sse?a=b HTTP/1.1\r\nHost: web\r\nAccept-Encoding: identity\r\n"
        b"User-Agent: mcpgw/%b\r\nAccept: text/event-stream\r\n"
        b"Mcp-Session-Id: s\r\nX-Key: value\r\n\r\n" % __version__.encode()
    )


@pytest.mark.parametrize(
    ("last_id", "line"),
    [
        (None, b""),
        ("", b""),
        ("e1", b"Last-Event-ID: e1\r\n"),
        ("stream 1/7", b"Last-Event-ID: stream 1/7\r\n"),
        (" edges ", b""),
        ("tab\t", b""),
        ("grüße", b""),
        ("x" * 1024, b"Last-Event-ID: " + b"x" * 1024 + b"\r\n"),
        ("x" * 1025, b""),
    ],
)
def test_only_an_id_that_fits_into_a_header_is_resumed_from(
    last_id: str | None, line: bytes
) -> None:
    assert resuming_line(last_id) == line


def test_a_configured_user_agent_stands_alone() -> None:
    launch = HttpLaunch("http://web/", (("user-agent", "mine"),))
    post = RequestWriter("web", launch, filled(("user-agent", "mine"))).post(b"", b"")
    assert post.lower().count(b"user-agent") == 1
    assert b"user-agent: mine\r\n" in post


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\n", "\rb", "a\0b"])
def test_a_value_with_a_line_break_is_refused_without_being_shown(value: str) -> None:
    writer = RequestWriter("web", HttpLaunch("http://web/"), filled(("X-Key", value)))
    with pytest.raises(UpstreamError, match="header X-Key has a line break") as caught:
        writer.post(b"", b"")
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "session", "lines"),
    [
        ("2025-11-25", "abc", b"MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: abc\r\n"),
        ("2025-06-18", "", b"MCP-Protocol-Version: 2025-06-18\r\n"),
        ("2025-03-26", "abc", b"Mcp-Session-Id: abc\r\n"),
        ("", "", b""),
        ("", "with space", b""),
        ("", "é", b""),
        ("", "x" * 2000, b""),
    ],
)
def test_a_legacy_session_is_named_as_its_revision_says(
    version: str, session: str, lines: bytes
) -> None:
    assert session_lines(version, session) == lines


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        (Outgoing(1, "tools/list", b"{}"), b"Mcp-Method: tools/list\r\n"),
        (
            Outgoing(1, "tools/call", b"{}", "add", (("Mcp-Param-Region", "eu"),)),
            b"Mcp-Method: tools/call\r\nMcp-Name: add\r\nMcp-Param-Region: eu\r\n",
        ),
        (
            Outgoing(1, "resources/read", b"{}", "demo://grüße"),
            b"Mcp-Method: resources/read\r\nMcp-Name: =?base64?ZGVtbzovL2dyw7zDn2U=?=\r\n",
        ),
        (
            Outgoing(1, "prompts/get", b"{}", "a\r\nEvil: 1"),
            b"Mcp-Method: prompts/get\r\nMcp-Name: =?base64?YQ0KRXZpbDogMQ==?=\r\n",
        ),
    ],
)
def test_a_modern_request_repeats_its_body_in_its_head(message: Outgoing, lines: bytes) -> None:
    assert modern_lines("2026-07-28", message) == b"MCP-Protocol-Version: 2026-07-28\r\n" + lines
