"""The official MCP registry, or another that speaks its API, as a second source of entries.

Asked over HTTPS within a time and a size, without following redirects. What it says is untrusted:
entries that cannot be what they say are left out, and nothing of one runs before a person agreed.
Source: MCP registry API 2025-12-01 (`v0.1`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec

from mcpgw.catalogs.cache import AnswerCache
from mcpgw.catalogs.server_json import read_entry
from mcpgw.errors import GatewayError, InvalidInput, NotFound, UpstreamError
from mcpgw.model.catalog import CatalogEntry

TOTAL_S = 15.0
MAX_ANSWER_BYTES = 4 << 20
PAGE = 100
"""Entries of one answer. Who finds more than that searches again with more words."""

MAX_SEARCH = 200
"""Characters of a search."""


Read = TypeVar("Read")
"""What an answer is read as."""


class _Page(msgspec.Struct):
    """What is read of a list."""

    servers: list[msgspec.Raw]


class Registry:
    """One registry, by its URL without `/v0.1`; an empty one is switched off."""

    def __init__(self, url: str, cache: AnswerCache) -> None:
        self._url = url.rstrip("/")
        self._cache = cache

    async def find(self, words: Sequence[str]) -> Sequence[CatalogEntry]:
        """Return the entries whose names hold the longest word: it searches for one text only.

        Raises:
            UpstreamError: it cannot be reached, or answers something else.
        """
        search = max(words, key=len, default="")[:MAX_SEARCH]
        query = urlencode({"search": search, "version": "latest", "limit": PAGE})
        return await self._ask(f"/v0.1/servers?{query}", self._read_page)

    async def get(self, slug: str) -> CatalogEntry:
        """Return the newest version of one entry.

        Raises:
            NotFound: the registry has none of that name.
            InvalidInput: what it has cannot be what it says.
            UpstreamError: it cannot be reached, or answers something else.
        """
        path = f"/v0.1/servers/{quote(slug, safe='')}/versions/latest"
        entry = await self._ask(path, read_entry)
        if entry.slug != slug:
            raise self._wrong("another server than the one that was asked for")
        return entry

    def _read_page(self, answer: bytes) -> list[CatalogEntry]:
        try:
            page = msgspec.json.decode(answer, type=_Page)
        except (ValueError, RecursionError):
            raise self._wrong("no list of servers") from None
        entries: dict[str, CatalogEntry] = {}
        for raw in page.servers[:PAGE]:
            with suppress(InvalidInput):  # It cannot be what it says; the others may.
                entry = read_entry(raw)
                entries.setdefault(entry.slug, entry)
        return list(entries.values())

    async def _ask(self, path: str, read: Callable[[bytes], Read]) -> Read:
        """Return what was kept or is answered, as `read` reads it; what it refuses is not kept."""
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise InvalidInput(
                "no registry is configured", "set MCPGW_REGISTRY_URL to the URL of one"
            )
        kept = self._cache.get(self._url + path)
        if kept is not None:
            with suppress(GatewayError):  # Another version kept it, for one.
                return read(kept)
        answer = await self._fetch(path)
        entries = read(answer)
        self._cache.put(self._url + path, answer)
        return entries

    async def _fetch(self, path: str) -> bytes:
        timeout = aiohttp.ClientTimeout(total=TOTAL_S)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
                ) as http,
                http.get(f"{self._url}{path}", allow_redirects=False) as response,
            ):
                if response.status == 404:
                    raise NotFound("the registry has no server of that name")
                if response.status != 200:
                    raise self._wrong(f"HTTP status {response.status}")
                return await self._body(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamError(
                f"the registry at {self._url} cannot be reached: {type(error).__name__}",
                "try again, or use the catalog without --registry",
            ) from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        pieces, size = [], 0
        async for piece in response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise self._wrong(f"more than {MAX_ANSWER_BYTES} bytes")
        return b"".join(pieces)

    def _wrong(self, what: str) -> UpstreamError:
        return UpstreamError(
            f"the registry at {self._url} answers with {what}",
            "check MCPGW_REGISTRY_URL, or use the catalog without --registry",
        )
