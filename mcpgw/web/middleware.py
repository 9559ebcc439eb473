"""What every request passes: route, origin, token, policy; and every error on its way out."""

import logging
import re
import traceback
from urllib.parse import urlsplit

from aiohttp import web

from mcpgw.errors import Forbidden, GatewayError, InvalidInput
from mcpgw.gateway.access import Admission
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.permission import require
from mcpgw.model.policy import Action
from mcpgw.web.errors import error_response
from mcpgw.web.holding import Holding
from mcpgw.web.routing import MAX_REMEMBERED, MethodNotAllowed, Route, Routes

logger = logging.getLogger(__name__)

HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
PORT = re.compile(r":[0-9]{1,5}$")

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Door:
    """The one handler of the HTTP server: finds the route, lets in or refuses, maps errors."""

    def __init__(self, gateway: Gateway, routes: Routes, own_hosts: frozenset[str]) -> None:
        self._gateway = gateway
        self._routes = routes
        self._holding = Holding(gateway.ongoing)
        self._own_hosts = own_hosts | LOOPBACK_HOSTS
        self._seen_hosts: set[str] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request; raises only to cut off an answer under way."""
        try:
            route, slug = self._routes.match(request.method, request.raw_path)
            self._check_host(request)
            self._check_origin(request)
            admission = await self._admit(request, route, slug)
            return await route.handler(request, admission)
        except MethodNotAllowed as error:
            response = error_response(error)
            response.set_status(405)
            response.headers["Allow"] = ", ".join(error.allowed)
            return response
        except GatewayError as error:
            return error_response(error)
        except web.HTTPRequestEntityTooLarge:
            response = error_response(InvalidInput("the request body is too large"))
            response.set_status(413)
            return response
        except Exception as error:  # the one place at this door where a bug becomes an answer
            if not (isinstance(error, ConnectionError) and request.transport is None):
                logger.error("internal error: %s at %s", type(error).__name__, _where(error))
            if request.writer.output_size > 0:
                raise ConnectionError("the answer is under way; it can only be cut off") from None
            return error_response(GatewayError("Internal error", "see the log of mcpgw serve"))

    async def _admit(self, request: web.BaseRequest, route: Route, slug: str) -> Admission | None:
        if not isinstance(route.policy, Action):
            return None
        admission = await self._gateway.access.authenticate(slug, _presented(request))
        require(
            admission.principal,
            route.policy,
            admission.workspace.id,
            address=request.remote or "",
        )
        self._holding.hold(request.protocol, admission)
        return admission

    def _check_host(self, request: web.BaseRequest) -> None:
        """Refuse names that are not ours: a page could have pointed its own at this address."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) == 1 and hosts[0] in self._seen_hosts:
            return
        if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
            raise InvalidInput("the Host header is missing, doubled or malformed")
        name = hosts[0].rpartition(":")[0] if PORT.search(hosts[0]) else hosts[0]
        if name.lower().strip("[]") not in self._own_hosts:
            raise Forbidden(
                "this host name is not served here", "start with --public-url https://NAME"
            )
        if len(self._seen_hosts) < MAX_REMEMBERED:
            self._seen_hosts.add(hosts[0])

    def _check_origin(self, request: web.BaseRequest) -> None:
        """Refuse what a foreign web page makes a browser send (MCP: bad Origin is 403)."""
        origin = request.headers.get("Origin")
        if origin is None:
            return
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            host = None
        if host not in self._own_hosts:
            raise Forbidden("requests from this origin are not served")


def _presented(request: web.BaseRequest) -> str:
    """Return the token of the request, empty when it carries none or more than one."""
    bearers = request.headers.getall("Authorization", [])
    keys = request.headers.getall("X-API-Key", [])
    if len(bearers) + len(keys) != 1:
        return ""
    if keys:
        return keys[0].strip()
    scheme, _, token = bearers[0].partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _where(error: BaseException) -> str:
    """Return the places that an error passed, without any value: its text may hold a payload."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames[-6:]))
