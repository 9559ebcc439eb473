"""Spans of time as people write them: `14d`, `12h`, `30m`, `90s`, `500ms`, `2w`. Pure."""

import re

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)", re.ASCII)

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def read_span(text: str) -> float | None:
    """Return the seconds of a span, None when it is none."""
    found = _SPAN.fullmatch(text)
    return None if found is None else float(found[1]) * _UNIT_S[found[2]]


def spell_span(seconds: float) -> str:
    """Return a span in the largest unit that divides it."""
    milliseconds = round(seconds * 1000)
    for unit in ("w", "d", "h", "m", "s"):
        length_ms = round(_UNIT_S[unit] * 1000)
        if milliseconds >= length_ms and milliseconds % length_ms == 0:
            return f"{milliseconds // length_ms}{unit}"
    return f"{milliseconds}ms"
