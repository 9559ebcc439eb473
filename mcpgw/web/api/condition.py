"""ETags, and requests that depend on them.

A tag is a digest of the bytes that a GET answers, so it is a strong one. A change waits for its
turn at its path: between the look at the tag and the change nobody else comes by this API. Only
the operator at the box could, for as long as one change takes.
Source: RFC 9110, sections 8.8.3 and 13.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from aiohttp import web

from mcpgw.errors import Conflict, InvalidInput, NotFound
from mcpgw.web.refusal import Distinct

ANY = "*"

Read = Callable[[], Awaitable[bytes]]
"""Returns the body that a GET of the thing would answer now."""


class PreconditionFailed(Conflict, Distinct):
    """The thing is another than the client thinks."""

    http_status = 412


class PreconditionRequired(InvalidInput, Distinct):
    """The client does not say which state of the thing it means to change."""

    http_status = 428


def etag_of(body: bytes) -> str:
    """Return the ETag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: web.BaseRequest, tag: str) -> bool:
    """Say whether the client has that state already (If-None-Match)."""
    known = {one.removeprefix("W/") for one in _tags(request, "If-None-Match")}
    return ANY in known or tag in known


class Turns:
    """Lets changes happen one after the other, each under its condition."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def changing(
        self, request: web.BaseRequest, read: Read, *, is_match_required: bool
    ) -> AsyncIterator[None]:
        """Let the block change the thing that `read` reads, if it is as the client says.

        Raises:
            PreconditionFailed: it is not.
            PreconditionRequired: the client must say, and does not.
        """
        lock = self._locks.setdefault(request.path, asyncio.Lock())
        async with lock:
            await _check(request, read, is_match_required)
            yield


async def _check(request: web.BaseRequest, read: Read, is_match_required: bool) -> None:
    wanted, unwanted = _tags(request, "If-Match"), _tags(request, "If-None-Match")
    if not wanted and is_match_required:
        raise PreconditionRequired(
            "this change needs an If-Match header",
            "GET it, and send its ETag; If-Match: * changes whatever is there",
        )
    if not wanted and not unwanted:
        return
    try:
        tag = etag_of(await read())
    except NotFound:
        if is_match_required:
            raise
        tag = ""  # It need not be there: the change may be what makes it.
    if (wanted and not _matches(wanted, tag)) or _matches(unwanted, tag):
        raise PreconditionFailed(
            "it is not as the condition of this request says", "GET it again, and its ETag"
        )


def _matches(tags: set[str], tag: str) -> bool:
    return bool(tag) and (ANY in tags or tag in tags)


def _tags(request: web.BaseRequest, name: str) -> set[str]:
    """Return the tags of a header; those of ours have no comma in them."""
    given = ",".join(request.headers.getall(name, []))
    return {one.strip() for one in given.split(",")} - {""}
