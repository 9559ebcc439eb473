"""Where we listen, and the sockets for it."""

import asyncio
import errno
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from mcpgw.errors import Conflict, InvalidInput
from mcpgw.web.tls import Certificate

BACKLOG = 512
"""Connections that the system holds until we take them in."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the door stands, and what it lets happen. Without a `certificate` it is plain HTTP.

    `max_auth_failures` are those of one address in a minute; `trusted_proxies` are networks;
    `cors_origins` are of the pages that may call functions. On `metrics_port` of loopback the
    numbers of all workspaces are told, on none when it is 0.
    """

    host: str
    port: int
    public_url: str
    certificate: Certificate | None
    max_body_bytes: int
    max_clients: int
    max_clients_per_address: int
    max_auth_failures: int
    trusted_proxies: Sequence[str]
    cors_origins: Sequence[str] = ()
    metrics_port: int = 0

    @property
    def scheme(self) -> str:
        """What a URL of it begins with."""
        return "http" if self.certificate is None else "https"


async def bind(host: str, port: int) -> Sequence[socket.socket]:
    """Return a listening socket for each address of the host, all at the same port.

    Raises:
        Conflict: the port is taken.
        InvalidInput: there is no such address on this machine.
    """
    try:
        return await _bind(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"port {port} on {host} is taken", "choose another: mcpgw serve --port 0"
            ) from None
        raise InvalidInput(
            f"cannot listen on {host} port {port}: {error.strerror}", "see: mcpgw serve --help"
        ) from None


async def _bind(host: str, port: int) -> Sequence[socket.socket]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    with ExitStack() as stack:
        for family, *_, address in dict.fromkeys(found):
            port = sockets[0].getsockname()[1] if sockets else port
            try:
                listening = _open(family, (address[0], port, *address[2:]))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                missing = error  # As ::1 where there is no IPv6: the other address may do.
            else:
                sockets.append(stack.enter_context(listening))
        if missing is not None and not sockets:
            raise missing
        stack.pop_all()
    return sockets


def _open(family: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
