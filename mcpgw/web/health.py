"""Is the gateway alive? Says no more than that: anybody may ask."""

from aiohttp import web

from mcpgw.gateway.access import Admission
from mcpgw.web.errors import json_response


async def healthz(request: web.BaseRequest, admission: Admission | None) -> web.StreamResponse:
    """Answer that this process serves."""
    return json_response(b'{"status":"ok"}')
