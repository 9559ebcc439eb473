"""What a token is held to beyond its role: servers, tools, addresses, rate, concurrency, time.

A workspace can set the same for all its tokens; what a token says itself counts before that. An
empty field means no bound.
"""

import re
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from mcpgw.errors import InvalidInput

PATTERN = re.compile(r"[A-Za-z0-9_.*?-]{1,100}")
"""A name in which `*` stands for any characters and `?` for one."""

MAX_PATTERNS = 64
MAX_CONCURRENCY = 1000
MAX_CALLS = 1_000_000

MAX_TTL_S = 10 * 365 * 86400.0
"""Ten years: a longer life of a token is a typing error; `never` is said explicitly."""

SPANS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""By the letter behind the stroke of a rate, as in 120/m."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in a span of time; all of them may come at once."""

    calls: int
    span_s: float

    def __str__(self) -> str:
        """Write it as it is given: 120/m."""
        letter = next((name for name, span_s in SPANS_S.items() if span_s == self.span_s), "")
        return f"{self.calls}/{letter or f'{self.span_s:g}s'}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits a token. `servers` and `tools` are patterns, `addresses` networks (CIDR)."""

    servers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    rate: Rate | None = None
    concurrency: int | None = None

    def before(self, defaults: "Bounds") -> "Bounds":
        """Return these bounds, each that says nothing taken from `defaults`."""
        if defaults == UNBOUND:
            return self
        empty = [one.name for one in fields(self) if not getattr(self, one.name)]
        return replace(self, **{name: getattr(defaults, name) for name in empty})

    def has_server(self, name: str) -> bool:
        """Say whether the server of that name is within."""
        return not self.servers or _matches(self.servers, name)

    def has_name(self, exposed: str) -> bool:
        """Say whether a tool or prompt of that exposed name is within."""
        return not self.tools or _matches(self.tools, exposed)

    def has_address(self, address: str) -> bool:
        """Say whether a client at that address is within; what is no address is not."""
        return not self.addresses or _is_in(self.addresses, address)


UNBOUND = Bounds()


def check_bounds(bounds: Bounds) -> Bounds:
    """Return `bounds` if a token can be held to them, networks written in the one canonical way.

    Raises:
        InvalidInput: a pattern, a network or a number is unusable.
    """
    for pattern in (*bounds.servers, *bounds.tools):
        if not PATTERN.fullmatch(pattern):
            raise InvalidInput(
                f"{pattern[:80]!r} is no pattern of names", "as in github or 'github__get_*'"
            )
    if max(len(bounds.servers), len(bounds.tools), len(bounds.addresses)) > MAX_PATTERNS:
        raise InvalidInput(f"more than {MAX_PATTERNS} patterns or networks", "use wider patterns")
    if bounds.rate is not None and not _is_usable(bounds.rate):
        raise InvalidInput(f"a rate allows 1 to {MAX_CALLS} calls", "as in 120/m")
    if bounds.concurrency is not None and not 0 < bounds.concurrency <= MAX_CONCURRENCY:
        raise InvalidInput(f"concurrency is a number from 1 to {MAX_CONCURRENCY}")
    return replace(bounds, addresses=tuple(_canonical(one) for one in bounds.addresses))


def check_ttl(ttl_s: float) -> float:
    """Return `ttl_s` if a token can live that long.

    Raises:
        InvalidInput: it is too short or too long.
    """
    if not 0 < ttl_s <= MAX_TTL_S:
        raise InvalidInput("a token lives between 1 second and 10 years", "as in --ttl 14d")
    return ttl_s


def parse_rate(text: str) -> Rate:
    """Return the rate that a person writes as 120/m, with s, m, h or d.

    Raises:
        InvalidInput: it is written otherwise.
    """
    found = re.fullmatch(r"([0-9]{1,7})/([smhd])", text)
    if found is None or int(found[1]) == 0:
        raise InvalidInput(f"{text[:40]!r} is no rate", "as in 120/m or 10/s")
    return Rate(int(found[1]), SPANS_S[found[2]])


def _is_usable(rate: Rate) -> bool:
    return 0 < rate.calls <= MAX_CALLS and rate.span_s in SPANS_S.values()


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _canonical(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise InvalidInput(
            f"{text[:80]!r} is no network", "as in 10.1.0.0/16 or 2001:db8::/32"
        ) from None


@lru_cache(maxsize=1024)
def _is_in(networks: tuple[str, ...], address: str) -> bool:
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in _network(text) for text in networks)


@lru_cache(maxsize=1024)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)
