"""Alerts: what they watch for, as people write it, and whether it is so. Pure.

error_rate(server=jira, 10m) > 0.2        p95(tool=jira__search, 15m) > 2s
server_down(server=jira)                  token_expiring
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mcpgw.errors import InvalidInput
from mcpgw.model.span import read_span, spell_span
from mcpgw.model.statistics import Figures

DEFAULT_WINDOW_S = 600.0

MIN_WINDOW_S, MAX_WINDOW_S = 60.0, 6 * 3600.0
"""Sums over more are not exact to the second."""

MIN_EVERY_S, MAX_EVERY_S = 60.0, 30 * 86400.0

MAX_NAME = 254

FEWEST_FAILURES = 2
"""A server is down when its last calls, so many, did not get through."""

_SHAPE = re.compile(
    r"\s*(?P<kind>\w+)\s*(?:\((?P<inside>[^()]*)\))?\s*(?:(?P<sign>[<>])\s*(?P<bound>[\w.]+%?))?\s*",
    re.ASCII,
)
_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(%?)", re.ASCII)
_HINT = "as in 'error_rate(server=jira, 10m) > 0.2'; see docs/journal.md"


class Watched(StrEnum):
    """What can be watched: figures with a threshold, and a few fixed conditions."""

    ERROR_RATE = "error_rate"
    """The share of calls that went wrong, 0 to 1."""
    CALLS = "calls"
    ERRORS = "errors"
    RATE_LIMITED = "rate_limited"
    """Calls over a limit of their server."""
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    SERVER_DOWN = "server_down"
    """It cannot be listed, or its last calls did not get through."""
    TOKEN_EXPIRING = "token_expiring"  # noqa: S105
    """A token ends within a week."""
    DISK_NEARLY_FULL = "disk_nearly_full"
    """The disk of the data directory has little room left."""
    LIMIT_HIT = "limit_hit"
    """Calls were over a limit, be it one of ours or of their server."""


SPANS = frozenset({Watched.P50, Watched.P95, Watched.P99})
"""Their threshold is a time."""

_EVERY_FILTER = ("server", "tool", "member", "client")

FILTERS: dict[Watched, tuple[str, ...]] = {
    **dict.fromkeys(Watched, _EVERY_FILTER),
    Watched.SERVER_DOWN: ("server",),
    Watched.TOKEN_EXPIRING: ("member",),
    Watched.DISK_NEARLY_FULL: (),
    Watched.LIMIT_HIT: ("server", "member"),
}
"""What each can be narrowed to."""

_WITHOUT_THRESHOLD = frozenset(
    {Watched.SERVER_DOWN, Watched.TOKEN_EXPIRING, Watched.DISK_NEARLY_FULL, Watched.LIMIT_HIT}
)
_WITHOUT_WINDOW = frozenset({Watched.TOKEN_EXPIRING, Watched.DISK_NEARLY_FULL})


@dataclass(frozen=True, slots=True)
class Condition:
    """What is watched for. Empty filters mean any; `threshold` is in seconds for times.

    `is_above` says on which side of the threshold it is met. `window_s` is 0 where time is no part
    of it.
    """

    watched: Watched
    server: str = ""
    tool: str = ""
    member: str = ""
    client: str = ""
    window_s: float = 0.0
    is_above: bool = True
    threshold: float | None = None

    def __str__(self) -> str:
        parts = [f"{name}={getattr(self, name)}" for name in _EVERY_FILTER if getattr(self, name)]
        if self.window_s:
            parts.append(spell_span(self.window_s))
        text = f"{self.watched}({', '.join(parts)})" if parts else str(self.watched)
        if self.threshold is None:
            return text
        is_span = self.watched in SPANS
        bound = spell_span(self.threshold) if is_span else f"{self.threshold:.12g}"
        return f"{text} {'>' if self.is_above else '<'} {bound}"

    def is_met(self, value: float | None) -> bool:
        """Say whether a value is on that side of the threshold; no value never is."""
        if value is None or self.threshold is None:
            return False
        return value > self.threshold if self.is_above else value < self.threshold


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it lies in the store.

    `when` is its condition, `every_s` the time within which it is sent once at most. The URL of the
    webhook may hold a secret: it is `blob`, sealed with the data key `datakey_id`, and `host` is
    all of it that is shown.
    """

    id: str
    workspace_id: str
    when: str
    every_s: float
    host: str
    datakey_id: str
    blob: bytes
    created_at: float


def read_condition(text: str) -> Condition:
    """Return what a text asks to watch for.

    Raises:
        InvalidInput: it says nothing that can be watched.
    """
    found = _SHAPE.fullmatch(text)
    if found is None or found["kind"] not in {one.value for one in Watched}:
        known = ", ".join(Watched)
        raise InvalidInput(f"nothing to watch in {text[:80]!r}", f"one of {known}, {_HINT}")
    watched = Watched(found["kind"])
    filters, window_s = _read_inside(watched, found["inside"] or "")
    return Condition(
        watched,
        **filters,
        window_s=window_s,
        is_above=found["sign"] != "<",
        threshold=_read_threshold(watched, found["bound"]),
    )


def _read_inside(watched: Watched, inside: str) -> tuple[dict[str, str], float]:
    """Return the filters and the window that stand between the parentheses."""
    filters: dict[str, str] = {}
    window_s = 0.0
    for part in filter(None, map(str.strip, inside.split(","))):
        name, is_filter, value = (piece.strip() for piece in part.partition("="))
        if not is_filter:
            if window_s:
                raise InvalidInput(f"{watched} has two windows", _HINT)
            window_s = _read_window(watched, part)
        elif name not in FILTERS[watched] or name in filters or not _is_name(value):
            known = ", ".join(FILTERS[watched]) or "nothing"
            raise InvalidInput(f"{watched} cannot be narrowed by {part[:80]!r}", f"by {known}")
        else:
            filters[name] = value
    if not window_s and watched not in _WITHOUT_WINDOW:
        window_s = DEFAULT_WINDOW_S
    return filters, window_s


def _is_name(value: str) -> bool:
    return value.isprintable() and 0 < len(value) <= MAX_NAME


def _read_window(watched: Watched, text: str) -> float:
    window_s = read_span(text)
    if watched in _WITHOUT_WINDOW:
        raise InvalidInput(f"{watched} takes no window", f"leave {text[:20]!r} out")
    if window_s is None or not MIN_WINDOW_S <= window_s <= MAX_WINDOW_S:
        raise InvalidInput(f"{text[:40]!r} is no window", "one from 1m to 6h, as in 10m")
    return window_s


def _read_threshold(watched: Watched, text: str | None) -> float | None:
    if watched in _WITHOUT_THRESHOLD:
        if text is not None:
            raise InvalidInput(f"{watched} takes no threshold", f"leave {text[:20]!r} out")
        return None
    if text is None:
        raise InvalidInput(f"{watched} needs a threshold", _HINT)
    if watched in SPANS:
        threshold = read_span(text)
        if threshold is None:
            raise InvalidInput(f"{text[:40]!r} is no time", f"as in '{watched}(10m) > 2s'")
        return threshold
    found = _NUMBER.fullmatch(text)
    if found is None or (found[2] and watched is not Watched.ERROR_RATE):
        raise InvalidInput(f"{text[:40]!r} is no threshold of {watched}", _HINT)
    threshold = float(found[1]) / (100 if found[2] else 1)
    if watched is Watched.ERROR_RATE and threshold > 1:
        raise InvalidInput("an error rate is a share from 0 to 1", "as in 0.2, or 20%")
    return threshold


def is_nearly_full(free_bytes: int, all_bytes: int) -> bool:
    """Say whether a disk has little room: less than a twentieth, 10 GiB at most."""
    return free_bytes < max(min(all_bytes // 20, 10 << 30), 512 << 20)


def value_of(watched: Watched, figures: Figures) -> float | None:
    """Return what is compared with the threshold, None where no call says anything about it."""
    match watched:
        case Watched.CALLS:
            return float(figures.calls)
        case Watched.ERRORS:
            return float(figures.errors)
        case Watched.RATE_LIMITED:
            return float(figures.rate_limited)
        case Watched.ERROR_RATE:
            return figures.error_rate if figures.calls else None
    if not figures.slowest_us:
        return None
    by_name = {
        Watched.P50: figures.p50_us,
        Watched.P95: figures.p95_us,
        Watched.P99: figures.p99_us,
    }
    return by_name[watched] / 1e6


def spoken(watched: Watched, value: float, figures: Figures) -> str:
    """Say for people what a value is."""
    if watched in SPANS:
        return f"{value:.3g} s over {figures.calls} calls"
    if watched is Watched.ERROR_RATE:
        return f"{value:.0%} of {figures.calls} calls went wrong"
    return f"{value:.0f} of {figures.calls} calls"
