"""Who is at the other end: the client's address, also behind proxies that we trust.

`X-Forwarded-For` and `Forwarded` are believed from those peers only, for the address and nothing
else, and from right to left: up to the first hop that is no trusted proxy. What stands left of it
anybody can have written.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web
from multidict import MultiMapping

_HOP = re.compile(
    r"\[(?P<v6>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"
    r"|(?P<v4>[0-9.]+)(?::[0-9]{1,5})?"
    r"|(?P<bare>[0-9A-Fa-f:.]+)"
)
"""A hop as proxies write it: some add the port."""

_PAIR = r"\s*[A-Za-z-]+=(?:[^\s\",;=\\]+|\"[^\",;\\]*\")\s*"
_ELEMENT = re.compile(rf"{_PAIR}(?:;{_PAIR})*")
"""One hop of `Forwarded` (RFC 7239), without what could hide another hop in it."""


class TrustedProxies:
    """The networks whose word on addresses counts."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(one) for one in networks]

    def has(self, address: str) -> bool:
        """Say whether that address is a trusted proxy's."""
        if not self._networks:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def client_of(self, proxy: str, headers: MultiMapping[str]) -> str:
        """Return the address of the client that a trusted proxy speaks for.

        That is the proxy's own where it says nothing that can be read. Two headers that do not
        agree say nothing: a proxy writes one of them, and hands on what a client wrote as other.
        """
        said = {
            self._walk(proxy, hops)
            for hops in (
                _split(headers.getall("X-Forwarded-For", ())),
                [_for(element) for element in _split(headers.getall("Forwarded", ()))],
            )
            if hops
        }
        return said.pop() if len(said) == 1 else proxy

    def _walk(self, proxy: str, hops: Sequence[str]) -> str:
        """Return the last address on the way from us to the client that can be believed."""
        current = proxy
        for hop in reversed(hops):
            address = _address(hop)
            if not address:
                break
            current = address
            if not self.has(address):
                break
        return current


class Peer:
    """Whoever opened a connection."""

    __slots__ = ("address", "is_proxy", "proxies")

    def __init__(self, address: str, proxies: TrustedProxies) -> None:
        self.address = address
        self.is_proxy = proxies.has(address)
        """Whether it speaks for others: a trusted proxy."""
        self.proxies = proxies


PEER = web.RequestKey("PEER", Peer)
TOLD = web.RequestKey("TOLD", str)
"""Where a request carries who sent it, and for whom."""


def client_address(request: web.BaseRequest) -> str:
    """Return the address of the client whose request this is, empty when it cannot be known."""
    peer: Peer | None = request.get(PEER)
    if peer is None:
        return request.remote or ""
    if not peer.is_proxy:
        return peer.address
    told: str | None = request.get(TOLD)
    if told is None:
        told = request[TOLD] = peer.proxies.client_of(peer.address, request.headers)
    return told


@lru_cache(maxsize=1024)
def canonical(address: str) -> str:
    """Return an address in its one usual form: no zone, IPv4 as such; empty when it is none."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """Say whether the address is one of this machine to itself."""
    return bool(address) and ip_address(address).is_loopback


def neighbourhood(address: str) -> str:
    """Return what addresses are counted by: one customer has a whole /64 of IPv6."""
    return str(ip_network((address, 64), strict=False)) if ":" in address else address


def _split(lines: Sequence[str]) -> list[str]:
    return [hop for line in lines for hop in line.split(",")]


def _for(element: str) -> str:
    """Return what one hop of `Forwarded` says of the client, empty when nothing for sure."""
    if not _ELEMENT.fullmatch(element):
        return ""
    pairs = [pair.strip().partition("=") for pair in element.split(";")]
    values = [value.strip('"') for name, _, value in pairs if name.lower() == "for"]
    return values[0] if len(values) == 1 else ""


def _address(hop: str) -> str:
    found = _HOP.fullmatch(hop.strip())
    if found is None:
        return ""
    return canonical(found["v6"] or found["v4"] or found["bare"])
