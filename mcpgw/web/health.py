"""Is the gateway alive, and can it serve calls? Says no more than that: anybody may ask."""

from aiohttp import web

from mcpgw.gateway.access import Admission
from mcpgw.gateway.gateway import Gateway
from mcpgw.web.errors import json_response


class Health:
    """Answers who starts, restarts and balances gateways."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def alive(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Answer that this process serves: restarting it would help nothing."""
        return json_response(b'{"status":"ok"}')

    async def ready(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Answer whether calls are served: not while their rows cannot be written."""
        if self._gateway.upkeep.problem:
            return json_response(b'{"status":"degraded","because":"journal"}', 503)
        return json_response(b'{"status":"ok"}')
