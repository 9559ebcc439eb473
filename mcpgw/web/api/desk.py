"""What every request to an endpoint passes: parsing, conditions, encoding. Decides nothing."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from mcpgw.gateway.access import Admission
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.web.api.condition import Turns, etag_of, is_known
from mcpgw.web.api.endpoint import PREFIX, Asked, Endpoint, Handler, Shape
from mcpgw.web.api.reading import read_query, read_struct, refuse_body
from mcpgw.web.errors import PLAIN_HEADERS, json_response
from mcpgw.web.routing import Route, values_of


@dataclass(frozen=True, slots=True)
class _Served:
    """An endpoint, and what its annotations say, looked up once."""

    endpoint: Endpoint
    shape: Shape
    status: int
    has_tag: bool


class Desk:
    """Makes routes of endpoints, and serves them."""

    def __init__(self, ongoing: Ongoing, max_body_bytes: int) -> None:
        self._ongoing = ongoing
        self._max_body_bytes = max_body_bytes
        self._turns = Turns()

    def route(self, endpoint: Endpoint) -> Route:
        """Return the route of an endpoint."""
        served = _Served(endpoint, endpoint.shape, endpoint.status, endpoint.has_tag)
        serve = partial(self._serve, served)
        return Route(endpoint.method, endpoint.template, endpoint.action, serve)

    async def _serve(
        self, served: _Served, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        assert admission is not None  # noqa: S101  (an endpoint's policy is no Public)
        endpoint = served.endpoint
        asked = await self._read(served, request, admission)
        if endpoint.match is None:
            answer = await endpoint.handler(asked)
        else:
            read = partial(_read_current, endpoint.match.reader, asked)
            async with self._turns.changing(
                request, read, is_match_required=endpoint.match.is_required
            ):
                answer = await endpoint.handler(asked)
        if endpoint.method == "GET":
            # Servers may have been asked meanwhile; what they said is for a valid token only.
            await self._ongoing.check(admission)
        if answer is None:
            return web.Response(status=served.status, headers=PLAIN_HEADERS)
        body = msgspec.json.encode(answer)
        headers = {"ETag": etag_of(body)} if served.has_tag else {}
        if endpoint.method == "GET" and is_known(request, headers["ETag"]):
            return web.Response(status=304, headers={**PLAIN_HEADERS, **headers})
        if endpoint.made:
            path = PREFIX.format(slug=asked.slug) + endpoint.made.format(answer)
            headers["Location"] = path
        return json_response(body, served.status, headers)

    async def _read(
        self, served: _Served, request: web.BaseRequest, admission: Admission
    ) -> Asked[Any, Any]:
        shape = served.shape
        query, body = read_query(request, shape.query), None
        if shape.body is None:
            refuse_body(request)
        else:
            body = await read_struct(request, shape.body, self._max_body_bytes)
        values = values_of(served.endpoint.template, request.raw_path)
        return Asked(admission, values, query, body)


async def _read_current(reader: Handler, asked: Asked[Any, Any]) -> bytes:
    return msgspec.json.encode(await reader(asked))
