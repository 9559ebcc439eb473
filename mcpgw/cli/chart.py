"""Small charts of characters: how values are spread, and how large a share is."""

from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def sparkline(values: Sequence[int]) -> str:
    """Return one character for each value, as high as the value is; a blank for none."""
    highest = max(values, default=0)
    return "".join(
        _LEVELS[(len(_LEVELS) - 1) * value // highest] if value else " " for value in values
    )


def bar(share: float, cells: int = 10) -> str:
    """Return a bar that fills so much of its cells; the least of a share is seen."""
    eighths = round(max(0.0, min(1.0, share)) * cells * 8)
    if share > 0 and not eighths:
        eighths = 1
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
