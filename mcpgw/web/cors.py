"""What pages of other origins may do here: with those that the settings name, call functions.

A page sends a token of its own accord or not at all: no cookie and no other credential of a browser
means anything here. So a page that is let in can do what its token can, and learn nothing else.
Source: WHATWG Fetch, 3.3 CORS protocol.
"""

from aiohttp import web

from mcpgw.gateway.access import Admission
from mcpgw.web.errors import PLAIN_HEADERS

PAGE = web.RequestKey("PAGE", str)
"""The foreign origin whose page makes a request, and may."""

PREFLIGHT_S = 600
"""How long a browser may keep what a preflight said."""

PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, X-API-Key, Content-Type, If-None-Match",
    "Access-Control-Max-Age": str(PREFLIGHT_S),
}
PRIVATE_NETWORK = "Access-Control-Request-Private-Network"
"""A browser asks so before a public page may reach a private address."""


async def preflight(request: web.BaseRequest, admission: Admission | None) -> web.StreamResponse:
    """Say what the page of a foreign origin may ask for; whose it is was looked at by then."""
    response = web.Response(status=204, headers=PLAIN_HEADERS)
    if PAGE in request:
        response.headers.update(PREFLIGHT_HEADERS)
        if request.headers.get(PRIVATE_NETWORK) == "true":
            response.headers["Access-Control-Allow-Private-Network"] = "true"
    return response


def page_headers(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers by which a browser hands an answer to the page that asked."""
    if PAGE not in request:
        return {}
    return {
        "Access-Control-Allow-Origin": request[PAGE],
        "Access-Control-Expose-Headers": "ETag, Retry-After",
        "Vary": "Origin",
    }
