"""Who can reach what we serve: refuses what would show tokens to a network."""

import ipaddress

from mcpgw.config import Config
from mcpgw.errors import InvalidInput


def check_exposure(config: Config, is_accepted: bool) -> None:
    """Refuse to listen beyond this machine without TLS, unless that is accepted.

    Raises:
        InvalidInput: it would, or TLS is set up by half.
    """
    if bool(config.tls_cert) != bool(config.tls_key):
        raise InvalidInput(
            "TLS needs a certificate and its key", "give both --tls-cert and --tls-key"
        )
    if not is_loopback(config.host) and not config.tls_cert and not is_accepted:
        raise InvalidInput(
            f"on {config.host} tokens would cross the network readable",
            "give --tls-cert and --tls-key; or listen on 127.0.0.1 behind a TLS proxy and give"
            " --public-url https://...; or, on a network that you trust, add --insecure-http",
        )


def exposure(config: Config) -> str:
    """Return who can reach it, for people."""
    if not is_loopback(config.host):
        reach = f"reachable at {config.host} with TLS ({config.tls_cert})"
        if not config.tls_cert:
            reach = f"WARNING: plain HTTP on {config.host}: tokens cross the network readable"
        if is_every_address(config.host) and not config.public_url:
            reach += "; under no name but localhost, until --public-url says what clients use"
        return reach
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


def is_every_address(host: str) -> bool:
    """Say whether listening there is listening on all addresses, under no name."""
    try:
        return not host or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
