"""Spans and moments as people write and read them: `14d`, `500ms`, `2026-11-01T10:00Z`."""

import math
from datetime import datetime

from mcpgw.errors import InvalidInput
from mcpgw.model.span import read_span

NEVER = "never"


def parse_span(text: str, flag: str, example: str) -> float:
    """Return the seconds of a span such as `14d`, `12h`, `30m`, `90s`, `500ms` or `2w`.

    Raises:
        InvalidInput: it is no span; `flag` and `example` help to say so.
    """
    seconds = read_span(text)
    if seconds is None:
        raise InvalidInput(f"{flag} has no such time: {text[:40]!r}", f"as in {flag} {example}")
    return seconds


def parse_ttl(text: str) -> float:
    """Return how many seconds a token lives, infinite for `never`.

    Raises:
        InvalidInput: it is neither.
    """
    return math.inf if text == NEVER else parse_span(text, "--ttl", "14d, 12h or never")


def parse_moment(text: str, now: float, flag: str) -> float:
    """Return the moment (UTC seconds) that a span ago or a date means; without offset it is local.

    Raises:
        InvalidInput: it is neither.
    """
    if (ago_s := read_span(text)) is not None:
        return now - ago_s
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(
            f"{flag} has no such time: {text[:40]!r}",
            f"as in {flag} 7d, {flag} 2026-11-01 or {flag} 2026-11-01T10:00Z",
        ) from None


def took(duration_us: int) -> str:
    """Return how long something took: `0.8 ms`, `812 ms`, `2.3 s`, `4 min 10 s`."""
    if duration_us < 10_000:
        return f"{duration_us / 1000:.1f} ms"
    if duration_us < 1_000_000:
        return f"{duration_us / 1000:.0f} ms"
    if duration_us < 120_000_000:
        return f"{duration_us / 1e6:.1f} s"
    minutes, seconds = divmod(duration_us // 1_000_000, 60)
    return f"{minutes} min {seconds} s"


def roughly(seconds: float) -> str:
    """Return a span in its largest unit: `89 d`, `3 h`, `12 min`, `40 s`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def from_now(moment: float, now: float) -> str:
    """Return `in 89 d` or `3 h ago`."""
    return f"in {roughly(moment - now)}" if moment > now else f"{roughly(now - moment)} ago"
