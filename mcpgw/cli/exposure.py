"""Who can reach what we serve: refuses what would show tokens to a network."""

import ipaddress

from mcpgw.config import Config
from mcpgw.errors import InvalidInput


def check_exposure(config: Config, is_accepted: bool) -> None:
    """Refuse to listen beyond this machine, unless that is accepted: there is no TLS here.

    Raises:
        InvalidInput: it would.
    """
    if not is_loopback(config.host) and not is_accepted:
        raise InvalidInput(
            f"on {config.host} tokens would cross the network readable",
            "listen on 127.0.0.1 behind a TLS proxy and give --public-url https://...; or, on a"
            " network that you trust, add --insecure-http",
        )


def exposure(config: Config) -> str:
    """Return who can reach it, for people."""
    if not is_loopback(config.host):
        return f"WARNING: plain HTTP on {config.host}: tokens cross the network readable"
    if config.public_url:
        return f"reachable from this machine, and by your proxy at {config.public_url}"
    return "reachable from this machine only"


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach the address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
