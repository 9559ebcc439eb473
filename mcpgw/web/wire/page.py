"""Lists come in pages."""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

MAX_LIMIT = 1000
"""Things of one page."""

T = TypeVar("T")


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What stands behind the question mark: nothing, here."""


class PageQuery(Query, frozen=True, kw_only=True):
    """Which page of a list."""

    limit: Annotated[
        int, Meta(ge=1, le=MAX_LIMIT, description="How many things the page has at most.")
    ] = 100
    cursor: Annotated[
        str, Meta(max_length=512, description="What the page before said in `next`.")
    ] = ""


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list; `next` leads to the one after it, and is null on the last."""

    items: tuple[T, ...]
    next: str | None = None
