"""Requests to the API of one workspace of a gateway elsewhere.

The token goes to that gateway only: certificates are checked, no redirect is followed, no proxy of
the environment used. An answer is bounded in time and size, and believed only if it is JSON of the
API. Nothing is sent twice.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from mcpgw import __version__
from mcpgw.cli.bridging.channel import CONNECT_S, explained
from mcpgw.cli.target import Target
from mcpgw.client_configs.name import VARIABLE
from mcpgw.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    InvalidInput,
    Limited,
    NotFound,
    StorageError,
    Unauthenticated,
    UpstreamError,
    UpstreamTimeout,
    VaultLocked,
)
from mcpgw.web.api.endpoint import PREFIX
from mcpgw.web.problem import MEDIA_TYPE as PROBLEM_TYPE
from mcpgw.web.routing import VALUE
from mcpgw.web.wire.page import MAX_LIMIT, Page, PageQuery, Query
from mcpgw.web.wire.problem import Problem

PATIENCE_S = 150.0
"""How long an answer may take: a server that is tried may take a minute to start."""

ANY = "*"
"""Matches whatever is there: the person decided by what they know."""

T = TypeVar("T")

_ERRORS: Mapping[str, Callable[[str, str], GatewayError]] = {
    "invalid": InvalidInput,
    "not_found": NotFound,
    "conflict": Conflict,
    "forbidden": Forbidden,
    "limited": Limited,
    "vault_locked": VaultLocked,
    "storage": StorageError,
    "upstream_timeout": UpstreamTimeout,
    "precondition_failed": Conflict,
    "internal": GatewayError,
}
"""By the last word of a problem's type."""

_ERRORS_BY_STATUS = {400: InvalidInput, 404: NotFound, 409: Conflict}
"""For problems of a type that this version does not know."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API; `tag` is its ETag, if it has one."""

    body: bytes
    tag: str
    _base: str

    def read(self, kind: type[T]) -> T:
        """Return it as what it should be.

        Raises:
            UpstreamError: it is something else.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (ValueError, RecursionError):
            raise _no_gateway(self._base) from None


class Connection:
    """The way to one workspace."""

    def __init__(self, http: aiohttp.ClientSession, target: Target, max_message_bytes: int) -> None:
        self._http = http
        self._target = target
        self._max_message_bytes = max_message_bytes

    async def get(self, kind: type[T], path: str, query: Query | None = None) -> T:
        """Return what a GET answers. Raises as `ask`."""
        return (await self.ask("GET", path, query=query)).read(kind)

    async def get_all(
        self, kind: type[T], path: str, query: PageQuery, limit: int | None = None
    ) -> list[T]:
        """Return the things of all pages of a list, or the first `limit`. Raises as `ask`."""
        found: list[T] = []
        while True:
            left = MAX_LIMIT if limit is None else min(MAX_LIMIT, limit - len(found))
            query = msgspec.structs.replace(query, limit=left)
            page = await self.get(Page[kind], path, query)  # type: ignore[valid-type]  # at run time
            found += page.items
            if page.next is None or len(found) == limit:
                return found
            query = msgspec.structs.replace(query, cursor=page.next)

    async def ask(
        self,
        method: str,
        path: str,
        body: Struct | None = None,
        *,
        query: Query | None = None,
        if_match: str = "",
    ) -> Answer:
        """Send a request, and return the answer if all went well.

        Raises:
            GatewayError: as the use case would; UpstreamError when the gateway cannot be reached.
        """
        url = self._target.base + PREFIX.format(slug=self._target.slug) + path
        headers = {"If-Match": if_match} if if_match else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._http.request(
                method,
                url,
                params=None if query is None else _pairs(query),
                data=None if body is None else _encode(body),
                headers=headers,
                allow_redirects=False,
            ) as response:
                found = await self._read(response)
                if response.status >= 300:
                    raise self._error(response.status, response.content_type, found)
                return Answer(found, response.headers.get("ETag", ""), self._target.base)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise explained(error, self._target.base) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        pieces, size = [], 0
        async for piece in response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > self._max_message_bytes:
                raise UpstreamError(
                    f"the gateway's answer is larger than {self._max_message_bytes} bytes",
                    "raise MCPGW_MAX_MESSAGE",
                )
        return b"".join(pieces)

    def _error(self, status: int, content_type: str, body: bytes) -> GatewayError:
        try:
            problem = msgspec.json.decode(body, type=Problem)
        except (ValueError, RecursionError):
            problem = None
        if problem is None or content_type != PROBLEM_TYPE:
            return _no_gateway(self._target.base)
        if status == 401:
            return Unauthenticated(
                f"the gateway does not take this token for the workspace {self._target.slug}",
                f"set {VARIABLE} to a valid one of that workspace; name another one with -w",
            )
        kind = _ERRORS.get(problem.kind) or _ERRORS_BY_STATUS.get(status, UpstreamError)
        return kind(problem.detail, problem.hint)


@asynccontextmanager
async def connected(target: Target, max_message_bytes: int) -> AsyncIterator[Connection]:
    """Yield the way to a workspace; it is closed at the end."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S, sock_connect=CONNECT_S)
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        headers={
            "Authorization": f"Bearer {target.token}",
            "Accept": "application/json, application/problem+json",
            "Accept-Encoding": "identity",
            "User-Agent": f"mcpgw/{__version__}",
        },
    ) as http:
        yield Connection(http, target, max_message_bytes)


def segment(noun: str, name: str) -> str:
    """Return a name as it can stand in a path.

    Raises:
        NotFound: nothing can have that name.
    """
    if not VALUE.fullmatch(name):
        raise NotFound(f"no {noun} {name[:63]!r}", f"see: mcpgw {noun} list")
    return name


def _no_gateway(base: str) -> UpstreamError:
    return UpstreamError(
        f"no mcpgw answers at {base}",
        "check MCPGW_URL, and whether both sides have the same version",
    )


def _encode(body: Struct) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        raise InvalidInput(
            "what is no text cannot be sent to a gateway elsewhere", "do this at the box"
        ) from None


def _pairs(query: Query) -> list[tuple[str, str]]:
    """Return what a query says beside its defaults, a list piece by piece."""
    return [
        (name, str(one))
        for name, value in msgspec.to_builtins(query).items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]
