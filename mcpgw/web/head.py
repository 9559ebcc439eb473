"""The head of a request, if everybody reads it alike: what could mean two things is refused.

The parser refuses most of that (two lengths, folded lines, bare line feeds, unknown codings); here
is the rest. Names decide nearly all, and a client sends the same ones every time: one look-up.
"""

from collections.abc import Sequence

from aiohttp import HttpVersion10, HttpVersion11, web

from mcpgw.web.refusal import Refused

MAX_FIELDS = 64
MAX_HEAD_BYTES = 64 << 10
"""Of all fields of a head together, roughly: it is compared when more comes."""

SPOKEN = (HttpVersion10, HttpVersion11)

UNSPOKEN = ((b"", b""),)
"""Stands for the fields of a request in another version of HTTP, which the parser lets pass."""

ONCE = frozenset(
    {
        *(b"host", b"content-length", b"transfer-encoding", b"content-type", b"expect"),
        *(b"authorization", b"x-api-key", b"origin", b"sec-fetch-site"),
    }
)
"""What somebody between the client and us may read the first of, and we the last, or reversed."""

MEANT = ONCE | {
    *(b"connection", b"upgrade", b"te", b"trailer", b"content-encoding", b"forwarded", b"cookie"),
    *(b"accept", b"last-event-id", b"x-real-ip"),
    *(b"mcp-session-id", b"mcp-protocol-version", b"mcp-method", b"mcp-name"),
}
MEANT_PREFIXES = (b"mcp-", b"mcp-param-", b"x-forwarded-", b"sec-fetch-")
"""Names that say something to us or to a proxy before us, which may take `_` for `-`."""

TRANSFER_ENCODING = b"transfer-encoding"
CONTENT_ENCODING = b"content-encoding"
EXPECT = b"expect"

MAX_REMEMBERED = 256
MAX_REMEMBERED_BYTES = 1024
"""Of names that were found harmless, and of one such row of names."""


class Heads:
    """Checks the heads of requests."""

    def __init__(self) -> None:
        self._harmless: set[bytes] = set()

    def check(self, request: web.BaseRequest) -> None:
        """Let a request pass whose head can be read in one way only.

        Raises:
            Refused: it cannot, or asks for what is not done here.
        """
        row = b"\n".join([name for name, _ in request.raw_headers])
        if row in self._harmless:
            return
        if request.raw_headers is UNSPOKEN:
            raise Refused(505, "this version of HTTP is not spoken here", "use HTTP/1.1")
        names = row.lower().split(b"\n")
        _check_names(names)
        if TRANSFER_ENCODING in names:
            _check_transfer_encoding(request)
        elif EXPECT in names:
            if request.headers["Expect"].lower() != "100-continue":
                raise Refused(417, "nothing but 100-continue can be expected")
        elif len(row) <= MAX_REMEMBERED_BYTES and len(self._harmless) < MAX_REMEMBERED:
            self._harmless.add(row)


def _check_names(names: Sequence[bytes]) -> None:
    repeated = {name for name in names if name in ONCE and names.count(name) > 1}
    if repeated:
        raise Refused(400, f"a header is given twice: {_listed(repeated)}")
    disguised = {name for name in names if b"_" in name and _is_disguised(name)}
    if disguised:
        raise Refused(400, "a header could be taken for another: its name has a _")
    if CONTENT_ENCODING in names:
        raise Refused(415, "an encoded request body is not accepted", "send it as it is")


def _is_disguised(name: bytes) -> bool:
    """Say whether a name reads as one that means something, once `_` is taken for `-`."""
    plain = name.replace(b"_", b"-")
    return plain in MEANT or any(
        plain.startswith(prefix) and not name.startswith(prefix) for prefix in MEANT_PREFIXES
    )


def _check_transfer_encoding(request: web.BaseRequest) -> None:
    """Refuse codings that we would hand on as if they were the body, and those of HTTP/1.0."""
    if request.headers["Transfer-Encoding"].lower() != "chunked":
        raise Refused(400, "no transfer coding but chunked is accepted")
    if request.version != HttpVersion11:
        raise Refused(400, "HTTP/1.0 has no transfer codings")


def _listed(names: set[bytes]) -> str:
    return ", ".join(sorted(name.decode() for name in names))
