"""Changes of a text as cuts and insertions: all that is not named stays, byte for byte."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace what stands from `start` to `end` (offsets in characters) by `text`."""

    start: int
    end: int
    text: str


Cut = tuple[int, int]
"""Where something inserted begins, and how long it is."""


def insertion(offset: int, text: str) -> Splice:
    """Return the splice that only inserts."""
    return Splice(offset, offset, text)


def splice(text: str, splices: Iterable[Splice]) -> str:
    """Return `text` changed; the splices do not overlap, their offsets are those before."""
    parts, done = [], 0
    for each in sorted(splices, key=lambda one: (one.start, one.end)):
        parts += [text[done : each.start], each.text]
        done = each.end
    return "".join((*parts, text[done:]))


def cuts_of(splices: Iterable[Splice]) -> tuple[Cut, ...]:
    """Return where insertions stand after they were made, so that `cut` takes them out again."""
    cuts, moved = [], 0
    for each in sorted(splices, key=lambda one: one.start):
        cuts.append((each.start + moved, len(each.text)))
        moved += len(each.text)
    return tuple(cuts)


def cut(text: str, cuts: Sequence[Cut]) -> str:
    """Return `text` without what stands at `cuts`."""
    return splice(text, [Splice(start, start + length, "") for start, length in cuts])
