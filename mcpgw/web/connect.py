"""What a person sees who opens a workspace's URL in a browser: how to connect a client.

One and the same page at every address, so that it tells nothing: no workspace, no token, no name.
It needs no script and loads nothing.
"""

import base64
import hashlib
from pathlib import Path

from aiohttp import web

from mcpgw.gateway.access import Admission
from mcpgw.web.errors import PLAIN_HEADERS

PAGE = Path(__file__).with_name("connect.html").read_bytes()

_STYLE = PAGE.partition(b"<style>")[2].partition(b"</style>")[0]
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE).digest()).decode()

PAGE_HEADERS = {
    **PLAIN_HEADERS,
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Vary": "Accept, Authorization, X-API-Key",
}


def is_person(request: web.BaseRequest) -> bool:
    """Say whether a browser asks for a page, without a token. No MCP client takes HTML."""
    headers = request.headers
    return (
        "text/html" in headers.get("Accept", "")
        and "Authorization" not in headers
        and "X-API-Key" not in headers
    )


async def connect_page(request: web.BaseRequest, admission: Admission | None) -> web.StreamResponse:
    """Answer with the page."""
    return web.Response(body=PAGE, headers=PAGE_HEADERS)
