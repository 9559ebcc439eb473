"""A workspace's tools as models' requests want them, and as an OpenAPI document.

What a shape means is `formats/`, who sees what the gateway's. An answer is kept as long as the
tools are the same: to write one may take a tenth of a second.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from mcpgw import __version__
from mcpgw.formats.family import Family, Strictness
from mcpgw.formats.listing import Note, Wish, listed
from mcpgw.formats.openapi import document
from mcpgw.formats.tool import ToolSpec
from mcpgw.gateway.access import Admission
from mcpgw.gateway.function import Functions, Sender
from mcpgw.web.errors import PLAIN_HEADERS, json_response
from mcpgw.web.peer import client_address
from mcpgw.web.query import Query

CACHE_CONTROL = "private, max-age=5"
"""A list may be kept as long without asking again as an MCP client keeps it."""

MAX_KEPT = 32

MAX_TOOLS = 10_000

MAX_SENDER = 64
"""Characters of what a program calls itself that the journal has room for."""

NOT_STRICT = 422

Unreadable = Sequence[tuple[str, str]]
"""Tools that cannot be shown, and why."""

Write = Callable[[Sequence[ToolSpec], Unreadable, str], tuple[int, Any]]
"""Makes the status and the body of an answer of tools; the text is its ETag."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the tools are wanted. Empty means any; of `words` all must occur."""

    names: tuple[str, ...]
    servers: tuple[str, ...]
    words: tuple[str, ...]
    limit: int

    def of(self, tools: Sequence[ToolSpec]) -> Sequence[ToolSpec]:
        """Return the tools that are wanted, in their order."""
        return [tool for tool in tools if self._wants(tool)][: self.limit]

    def _wants(self, tool: ToolSpec) -> bool:
        text = f"{tool.name} {tool.title} {tool.description}".lower()
        return (
            (not self.names or tool.name in self.names)
            and (not self.servers or tool.server in self.servers)
            and all(word in text for word in self.words)
        )


class ToolsEndpoint:
    """Serves `GET /ws/<slug>/v1/tools` and `GET /ws/<slug>/openapi.json`."""

    def __init__(self, functions: Functions, public_url: str) -> None:
        self._functions = functions
        self._public_url = public_url
        self._kept: OrderedDict[str, tuple[int, bytes]] = OrderedDict()

    async def list(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """List tools in a vendor's shape."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        query = Query(request, (*_SELECTING, *_WISHING, "bare"))
        wish, selection, is_bare = _wish(query), _selection(query), query.flag("bare")

        def write(tools: Sequence[ToolSpec], unreadable: Unreadable, etag: str) -> tuple[int, Any]:
            found = listed(selection.of(tools), wish)
            if wish.strictness is Strictness.ALWAYS and found.lax:
                return NOT_STRICT, _not_strict(found.lax)
            if is_bare:
                return 200, found.tools
            known = {tool.name for tool in tools}
            skipped = [Note(name, reason) for name, reason in unreadable]
            skipped += [Note(name, "no such tool") for name in selection.names if name not in known]
            return 200, {
                "tools": found.tools,
                "etag": etag,
                "skipped": skipped,
                "lax": found.lax,
                "notes": found.notes,
            }

        return await self._answer(request, admission, (wish, selection, is_bare), write)

    async def openapi(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Describe the tools as operations of an HTTP API."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        query = Query(request, (*_SELECTING, "short"))
        selection, is_short = _selection(query), query.flag("short")
        slug = admission.workspace.slug
        url = f"{self._public_url}/ws/{slug}"

        def write(tools: Sequence[ToolSpec], unreadable: Unreadable, etag: str) -> tuple[int, Any]:
            shown = selection.of(tools)
            return 200, document(shown, title=slug, url=url, version=__version__, is_short=is_short)

        return await self._answer(request, admission, (url, selection, is_short), write)

    async def _answer(
        self, request: web.BaseRequest, admission: Admission, wanted: object, write: Write
    ) -> web.StreamResponse:
        """Answer with what `write` makes of the tools, unless the client has it already."""
        visible = await self._functions.tools(admission)
        asked = f"{__version__} {wanted!r}".encode()
        etag = f'"{hashlib.sha256(visible.digest + asked).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers={**PLAIN_HEADERS, **headers})
        if etag not in self._kept:
            # In a thread: hundreds of schemas take a while, and nobody else shall wait for it.
            status, body = await asyncio.to_thread(lambda: write(*visible.read(), etag))
            self._kept[etag] = status, msgspec.json.encode(body)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(etag)
        status, written = self._kept[etag]
        return json_response(written, status, headers if status == 200 else None)


def sender_of(request: web.BaseRequest) -> Sender:
    """Return who sends a request, by what its program calls itself: `name/version` comes first."""
    product = request.headers.get("User-Agent", "").partition(" ")[0]
    name, _, version = product.rpartition("/")
    if not version[:1].isdigit():
        name, version = product, ""
    return Sender(name[:MAX_SENDER], version[:MAX_SENDER], client_address(request))


_SELECTING = ("tools", "server", "q", "limit")
_WISHING = ("format", "strict", "namespace", "hints", "output", "schema")


def _selection(query: Query) -> Selection:
    return Selection(
        names=tuple(query.names("tools")),
        servers=tuple(query.names("server")),
        words=tuple(query.text("q").lower().split()),
        limit=query.number("limit", MAX_TOOLS, MAX_TOOLS),
    )


def _wish(query: Query) -> Wish:
    return Wish(
        family=query.choice("format", Family, Family.OPENAI),
        strictness=query.choice("strict", Strictness, Strictness.NEVER),
        has_hints=query.flag("hints"),
        has_output=query.flag("output"),
        is_openapi=query.word("schema", ("json", "openapi")) == "openapi",
        is_grouped=query.flag("namespace"),
    )


def _not_strict(lax: Sequence[Note]) -> dict[str, Any]:
    return {
        "error": "not_strict",
        "message": f"{len(lax)} tools cannot be strict, the first of them {lax[0].name}",
        "hint": "use strict=auto, or leave them out",
        "tools": lax,
    }
