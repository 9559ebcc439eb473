"""Requests that two parsers might read in two ways: refused, or read in the one way that is safe.

What stands behind each of them is a call with a good token: whoever takes it for a request of its
own has been tricked.
"""

import pytest

from tests.e2e.door import Door, door

__all__ = ["door"]

HOST = "Host: localhost"
JSON = "Content-Type: application/json"

BAD = [400]


def head(*lines: str, first: str = "POST /ws/demo HTTP/1.1") -> bytes:
    """Return the head of a request without a token."""
    return "\r\n".join((first, *lines, "", "")).encode("latin-1")


def plain(*lines: str) -> bytes:
    return head(HOST, JSON, *lines)


CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"

TRICKS: dict[str, tuple[bytes, list[int]]] = {
    # Both lengths.
    "CL and TE": (plain("Content-Length: 4", CHUNKED) + END, BAD),
    "TE and CL": (plain(CHUNKED, "Content-Length: 4") + END, BAD),
    "TE and CL of nothing": (plain(CHUNKED, "Content-Length: 0") + END, BAD),
    "TE and CL far apart": (plain(CHUNKED, *(["X: y"] * 40), "Content-Length: 9") + END, BAD),
    # Lengths.
    "CL twice": (plain("Content-Length: 0", "Content-Length: 0"), BAD),
    "CL twice, different": (plain("Content-Length: 0", "Content-Length: 44"), BAD),
    "CL twice, in other letters": (plain("Content-Length: 0", "content-length: 44"), BAD),
    "CL as a list": (plain("Content-Length: 0, 44"), BAD),
    "CL as a list of one": (plain("Content-Length: 0,"), BAD),
    "CL with a plus": (plain("Content-Length: +0"), BAD),
    "CL with a minus": (plain("Content-Length: -1"), BAD),
    "CL in hexadecimal": (plain("Content-Length: 0x0"), BAD),
    "CL with an underscore": (plain("Content-Length: 0_0"), BAD),
    "CL with a point": (plain("Content-Length: 0.0"), BAD),
    "CL with a space in it": (plain("Content-Length: 0 44"), BAD),
    "CL of nothing": (plain("Content-Length:"), BAD),
    "CL beyond all bounds": (plain("Content-Length: " + "9" * 30), BAD),
    "CL in other digits": (plain("Content-Length: \xb2"), BAD),
    "CL by another name": (plain("Content_Length: 44", "Content-Length: 0"), BAD),
    "CL before a space": (plain("Content-Length : 0"), BAD),
    # Codings.
    "TE unknown": (plain("Transfer-Encoding: xchunked") + END, BAD),
    "TE identity": (plain("Transfer-Encoding: identity") + END, BAD),
    "TE gzip": (plain("Transfer-Encoding: gzip") + END, BAD),
    "TE gzip, chunked": (plain("Transfer-Encoding: gzip, chunked") + END, BAD),
    "TE chunked, gzip": (plain("Transfer-Encoding: chunked, gzip") + END, BAD),
    "TE chunked, chunked": (plain("Transfer-Encoding: chunked, chunked") + END, BAD),
    "TE twice": (plain(CHUNKED, CHUNKED) + END, BAD),
    "TE twice, different": (plain(CHUNKED, "Transfer-Encoding: identity") + END, BAD),
    "TE twice, reversed": (plain("Transfer-Encoding: identity", CHUNKED) + END, BAD),
    "TE of nothing": (plain("Transfer-Encoding:") + END, BAD),
    "TE quoted": (plain('Transfer-Encoding: "chunked"') + END, BAD),
    "TE with a parameter": (plain("Transfer-Encoding: chunked;q=1") + END, BAD),
    "TE behind a vertical tab": (plain("Transfer-Encoding: \x0bchunked") + END, BAD),
    "TE behind a NUL": (plain("Transfer-Encoding: \x00chunked") + END, BAD),
    "TE before a space": (plain("Transfer-Encoding : chunked") + END, BAD),
    "TE before a tab": (plain("Transfer-Encoding\t: chunked") + END, BAD),
    "TE by another name": (plain("Transfer_Encoding: chunked", "Content-Length: 0"), BAD),
    "TE folded": (plain("Transfer-Encoding:\r\n chunked") + END, BAD),
    "TE behind a bare line feed": (plain("X: y\nTransfer-Encoding: chunked") + END, BAD),
    "TE behind a bare return": (plain("X: y\rTransfer-Encoding: chunked") + END, BAD),
    "TE of HTTP/1.0": (head(HOST, JSON, CHUNKED, first="POST /ws/demo HTTP/1.0") + END, BAD),
    # Chunks: what fails here is told before anything behind it is looked at.
    "a chunk without a size": (plain(CHUNKED) + b"\r\n\r\n" + END, BAD),
    "a chunk of another size": (plain(CHUNKED) + b"3\r\nabcd\r\n" + END, BAD),
    "a chunk of less than nothing": (plain(CHUNKED) + b"-1\r\nabc\r\n" + END, BAD),
    "a chunk in hexadecimal": (plain(CHUNKED) + b"0x3\r\nabc\r\n" + END, BAD),
    "a chunk beyond all bounds": (plain(CHUNKED) + b"f" * 17 + b"\r\nabc\r\n" + END, BAD),
    "a chunk behind a bare line feed": (plain(CHUNKED) + b"3\nabc\r\n" + END, BAD),
    "a chunk before a bare line feed": (plain(CHUNKED) + b"3\r\nabc\n" + END, BAD),
    "an extension with a line feed": (plain(CHUNKED) + b"3;a\nb\r\nabc\r\n" + END, BAD),
    "a trailer with a host": (plain(CHUNKED) + b"0\r\nHost: evil.example\r\n\r\n", BAD),
    # Lines and names.
    "folded": (plain("X: y", " z", "Content-Length: 0"), BAD),
    "folded at the start": (head(" X: y", HOST, JSON, "Content-Length: 0"), BAD),
    "bare line feeds": (plain("Content-Length: 0").replace(b"\r\n", b"\n"), BAD),
    "one bare line feed": (plain("X: y\nY: z", "Content-Length: 0"), BAD),
    "a bare return": (plain("X: y\rY: z", "Content-Length: 0"), BAD),
    "a NUL": (plain("X: \x00", "Content-Length: 0"), BAD),
    "a space in a name": (plain("X Y: z", "Content-Length: 0"), BAD),
    "a name of nothing": (plain(": y", "Content-Length: 0"), BAD),
    "no colon": (plain("X", "Content-Length: 0"), BAD),
    "brackets in a name": (plain("X[]: y", "Content-Length: 0"), BAD),
    "a session by another name": (plain("Mcp_Session_Id: x", "Content-Length: 0"), BAD),
    "an address by another name": (plain("X_Forwarded_For: 127.0.0.1", "Content-Length: 0"), BAD),
    # Request lines.
    "no version": (b"POST /ws/demo\r\n\r\n", BAD),
    "HTTP/0.9": (head(HOST, JSON, "Content-Length: 0", first="POST /ws/demo HTTP/0.9"), BAD),
    "HTTP/1.2": (head(HOST, JSON, "Content-Length: 0", first="POST /ws/demo HTTP/1.2"), BAD),
    "HTTP/2.0": (head(HOST, JSON, "Content-Length: 0", first="POST /ws/demo HTTP/2.0"), BAD),
    "HTTP/2 by knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
    "small letters": (head(HOST, JSON, "Content-Length: 0", first="POST /ws/demo http/1.1"), BAD),
    "a tab": (head(HOST, JSON, "Content-Length: 0", first="POST\t/ws/demo HTTP/1.1"), BAD),
    "a method of nobody": (head(HOST, JSON, "Content-Length: 0", first="FOO / HTTP/1.1"), BAD),
    "to a whole URL": (
        head(HOST, JSON, "Content-Length: 0", first="POST http://localhost/ws/demo HTTP/1.1"),
        BAD,
    ),
    "a tunnel": (head(HOST, first="CONNECT localhost:80 HTTP/1.1"), BAD),
    "to everybody": (head(HOST, first="OPTIONS * HTTP/1.1"), BAD),
    # Whom it is for, and from whom.
    "no host": (head(JSON, "Content-Length: 0"), BAD),
    "no host, older": (head(JSON, "Content-Length: 0", first="POST /ws/demo HTTP/1.0"), BAD),
    "two hosts": (plain("Host: evil.example", "Content-Length: 0"), BAD),
    "the same host twice": (plain(HOST, "Content-Length: 0"), BAD),
    "a host that is none": (head("Host: \xff", JSON, "Content-Length: 0"), BAD),
    "two tokens": (
        plain("Authorization: Bearer a", "Authorization: Bearer b", "Content-Length: 0"),
        BAD,
    ),
    "two origins": (plain("Origin: null", "Origin: http://localhost", "Content-Length: 0"), BAD),
    # TLS where there is none.
    "a greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BAD),
}
"""What each is answered with. All end the connection, so that nothing behind them is ever read."""

READ_IN_ONE_WAY: dict[str, tuple[bytes, list[int]]] = {
    "CL with zeros": (plain("Content-Length: 002") + b"{}", [401, 200]),
    "CL before spaces": (plain("Content-Length: 2  ") + b"{}", [401, 200]),
    "a body with GET": (
        head(HOST, "Content-Length: 2", first="GET /nothing HTTP/1.1") + b"{}",
        [404, 200],
    ),
    "empty lines first": (b"\r\n\r\n" + plain("Content-Length: 2") + b"{}", [401, 200]),
    # A body in chunks, and an offer of another protocol, are the last on their connection.
    "TE in capitals": (plain("Transfer-Encoding: CHUNKED") + b"2\r\n{}\r\n" + END, [401]),
    "TE behind a tab": (plain("Transfer-Encoding:\tchunked") + b"2\r\n{}\r\n" + END, [401]),
    "an extension": (plain(CHUNKED) + b"2;a=b\r\n{}\r\n" + END, [401]),
    "zeros before a size": (plain(CHUNKED) + b"002\r\n{}\r\n" + END, [401]),
    "a trailer": (plain(CHUNKED) + b"0\r\nX: y\r\n\r\n", [401]),
    "an upgrade": (
        plain("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 2") + b"{}",
        [401],
    ),
    "an upgrade to HTTP/2": (
        plain("Connection: Upgrade", "Upgrade: h2c", "Content-Length: 2") + b"{}",
        [401],
    ),
}
"""All of these are one request to everybody; the next one is served as such, or not at all."""


@pytest.mark.parametrize("trick", TRICKS)
async def test_refused(door: Door, trick: str) -> None:
    before = door.calls
    sent, expected = TRICKS[trick]
    assert await door.send(sent + door.request()) == expected
    assert door.calls == before


@pytest.mark.parametrize("trick", READ_IN_ONE_WAY)
async def test_read_in_one_way(door: Door, trick: str) -> None:
    before = door.calls
    sent, expected = READ_IN_ONE_WAY[trick]
    assert await door.send(sent + door.request()) == expected
    assert door.calls == before + expected.count(200)


async def test_who_waits_for_consent_and_gets_a_refusal_sends_no_body(door: Door) -> None:
    """A proxy that was refused may send its next request at once: the connection must be over."""
    before = door.calls
    waits = plain("Expect: 100-continue", f"Content-Length: {len(door.request())}")
    assert await door.send(waits + door.request()[:40]) == [401]
    assert await door.send(plain("Expect: miracles", "Content-Length: 0")) == [417]
    assert door.calls == before


async def test_what_follows_a_cut_body_is_not_a_request(door: Door) -> None:
    before = door.calls
    assert await door.send(plain("Content-Length: 9999") + door.request()) == [401]
    assert door.calls == before


async def test_a_trailer_says_nothing_of_the_next_request(door: Door) -> None:
    """Behind a proxy that might be somebody else's."""
    before = door.calls
    trailer = f"0\r\nX-API-Key: {door.token}\r\n\r\n".encode()
    bearer = f"Authorization: Bearer {door.token}\r\n".encode()
    stranger = door.request().replace(bearer, b"")
    assert stranger != door.request()
    assert await door.send(plain(CHUNKED) + trailer + stranger) == [401]
    assert door.calls == before


@pytest.mark.parametrize("version", ["0.9", "2.0"])
async def test_versions_that_are_not_spoken(door: Door, version: str) -> None:
    for method in ("GET", "POST"):
        asked = head(HOST, JSON, "Content-Length: 0", first=f"{method} /healthz HTTP/{version}")
        assert await door.send(asked) == [505]
