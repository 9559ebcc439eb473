"""Which network addresses a server may be at that somebody added over HTTP: public ones only.

The address is looked at when the connection is made, so a name that points elsewhere the second
time gains nothing. An operator at the box may add what is private; an admin over HTTP could reach
through the gateway what it cannot reach itself.
"""

import asyncio
import socket
from ipaddress import IPv6Address, ip_address, ip_network

_HIDING = tuple(
    ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10")
)
"""Networks whose addresses can stand for private ones (NAT64, Teredo, 6to4, site-local), though
Python calls some of them global."""


def is_public(address: str) -> bool:
    """Say whether an address, as a resolver returns it, belongs to the public internet."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in network for network in _HIDING if network.version == found.version):
        return False
    return found.is_global and not found.is_multicast


async def public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, in the resolver's order; empty when one is not public.

    Raises:
        OSError: the name cannot be resolved.
        UnicodeError: it is beyond IDNA.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    return addresses if all(map(is_public, addresses)) else []
