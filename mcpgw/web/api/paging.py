"""Cuts lists into pages.

A cursor says after what to go on, so that nothing is passed over when things come and go.
"""

import base64
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from mcpgw.errors import InvalidInput
from mcpgw.web.wire.page import Page, PageQuery

R = TypeVar("R")
T = TypeVar("T")
C = TypeVar("C")

Key = tuple[str | float, ...]
"""By what a list is ordered: different for every thing of it, and the same for ever."""


def page_of(
    found: Iterable[R], asked: PageQuery, key: Callable[[R], Key], told: Callable[[R], T]
) -> Page[T]:
    """Return the page that was asked for.

    Args:
        found: the whole list.
        asked: which page.
        key: what orders the list.
        told: what there is to tell of a thing.

    Raises:
        InvalidInput: the cursor is of another list.
    """
    ordered = sorted(found, key=key)
    if asked.cursor:
        after = read_cursor(asked.cursor, Key)
        try:
            ordered = [one for one in ordered if key(one) > after]
        except TypeError:
            raise _foreign() from None
    shown = ordered[: asked.limit]
    return Page(
        items=tuple(told(one) for one in shown),
        next=cursor_of(key(shown[-1])) if len(ordered) > len(shown) else None,
    )


def cursor_of(key: Any) -> str:
    """Return the cursor that leads on after `key`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_cursor(cursor: str, kind: type[C]) -> C:
    """Return the key in a cursor.

    Raises:
        InvalidInput: it is none of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=kind)
    except (ValueError, RecursionError):
        raise _foreign() from None


def _foreign() -> InvalidInput:
    return InvalidInput("the cursor is none of this list", "begin again without one")
