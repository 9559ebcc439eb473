"""Under which names we are reached, and whose pages may ask: everything else is refused.

A web page can make a browser send requests here, to a name of its own that it lets point at us (so
the host counts), or to ours (so the origin counts). Names are compared as they are written, but for
capitals: nothing is resolved, and no other spelling of an address is one of ours.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from mcpgw.errors import Forbidden
from mcpgw.web.refusal import Refused

HOST = re.compile(
    r"([A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,31}\.?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::([1-9][0-9]{0,4}))?"
)
ORIGIN = re.compile(rf"(https?)://{HOST.pattern}", re.IGNORECASE)

DEFAULT_PORTS = {"http": 80, "https": 443}

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

OWN_PAGE = frozenset({"same-origin", "none"})
"""What `Sec-Fetch-Site` may say: a page of ours, or nobody's page (typed, or a bookmark)."""

MAX_REMEMBERED = 256
"""Spellings of hosts that are kept; who sends endless others only pays for them."""


class Origin(NamedTuple):
    """Scheme, name and port: what a browser calls an origin. IPv6 stands in brackets."""

    scheme: str
    name: str
    port: int

    @property
    def url(self) -> str:
        """Return it as a URL without a path."""
        is_usual = self.port == DEFAULT_PORTS[self.scheme]
        return f"{self.scheme}://{self.name}" + ("" if is_usual else f":{self.port}")


def own_origin(scheme: str, host: str, port: int) -> Origin:
    """Return the origin of a listening address; all addresses at once are reached by loopback."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Origin(scheme, host.lower() or LOOPBACK_NAMES[1], port)
    is_v6 = address.version == 6
    if address.is_unspecified:
        return Origin(scheme, "[::1]" if is_v6 else "127.0.0.1", port)
    return Origin(scheme, f"[{address}]" if is_v6 else str(address), port)


def public_origin(url: str) -> Origin:
    """Return the origin of a URL that the settings have checked."""
    parts = urlsplit(url.lower())
    name = parts.hostname or ""
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return Origin(parts.scheme, f"[{name}]" if ":" in name else name, port)


class Origins:
    """Knows which hosts and origins are ours.

    Hosts: our names, at the port that we listen on or the public one, or without any: proxies
    leave it out. Origins: the public one, and our names at the port that we listen on. Besides,
    `pages` are foreign origins whose pages may ask for what is shared with them.
    """

    def __init__(self, own: Origin, public_url: str, pages: Sequence[str] = ()) -> None:
        self._pages = {public_origin(page) for page in pages}
        names = {own.name, *LOOPBACK_NAMES}
        self._origins = {Origin(own.scheme, name, own.port) for name in names}
        self._names, self._ports = names, {str(own.port)}
        if public_url:
            public = public_origin(public_url)
            self._origins.add(public)
            self._names.add(public.name)
            self._ports.add(str(public.port))
        self._seen: set[str] = set()

    def check(self, request: web.BaseRequest) -> str:
        """Let a request pass that is meant for us, and comes from no foreign page that may not.

        Returns the origin of the foreign page that may, empty for all others.

        Raises:
            Refused: it does not say for whom it is, or not clearly.
            Forbidden: it is for somebody else, or from a foreign page.
        """
        headers = request.headers
        host = headers.get("Host")
        if host not in self._seen:
            self._check_host(host)
        text = headers.get("Origin")
        origin = None if text is None else _read(text)
        if text is not None and origin in self._pages:
            return text
        if text is not None and origin not in self._origins:
            raise Forbidden("requests from this origin are not served")
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site not in OWN_PAGE and not _is_followed_link(request):
            raise Forbidden("requests that another site causes are not served")
        return ""

    def _check_host(self, host: str | None) -> None:
        found = HOST.fullmatch(host or "")
        if host is None or found is None:
            raise Refused(400, "the Host header is missing, doubled or malformed")
        if found[1].lower() not in self._names or (found[2] and found[2] not in self._ports):
            raise Forbidden(
                "this host name is not served here", "start with --public-url https://NAME"
            )
        if len(self._seen) < MAX_REMEMBERED:
            self._seen.add(host)


def _is_followed_link(request: web.BaseRequest) -> bool:
    """Say whether a person comes from a foreign page by a link, as to the page on how to connect.

    That loads a document into a window of its own, and has no token: whatever is answered, it is
    what anybody may know.
    """
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
        and "Authorization" not in headers
        and "X-API-Key" not in headers
    )


def _read(text: str) -> Origin | None:
    """Return what an `Origin` header says, None when that is no origin."""
    found = ORIGIN.fullmatch(text)
    if found is None:
        return None
    scheme = found[1].lower()
    port = int(found[3]) if found[3] else DEFAULT_PORTS[scheme]
    return Origin(scheme, found[2].lower(), port)
