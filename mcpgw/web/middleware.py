"""What every request passes: route, origin, token, policy; and every error on its way out."""

import logging
import traceback

from aiohttp import web

from mcpgw.errors import Forbidden, GatewayError, Unauthenticated
from mcpgw.gateway.access import Admission
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.permission import require
from mcpgw.web.clients import Clients
from mcpgw.web.cors import PAGE, page_headers
from mcpgw.web.errors import error_response
from mcpgw.web.failure import Failures
from mcpgw.web.head import Heads
from mcpgw.web.holding import Holding
from mcpgw.web.origin import Origins
from mcpgw.web.peer import PEER, client_address
from mcpgw.web.problem import problem_response
from mcpgw.web.refusal import Refused
from mcpgw.web.routing import MethodNotAllowed, OfToken, Public, Route, Routes

logger = logging.getLogger(__name__)

API_PATH = "/api/"
"""What the paths of the API begin with: there errors are problem details."""


class Door:
    """The one handler of the HTTP server: finds the route, lets in or refuses, maps errors."""

    def __init__(
        self,
        gateway: Gateway,
        routes: Routes,
        origins: Origins,
        failures: Failures,
        clients: Clients,
    ) -> None:
        self._gateway = gateway
        self._routes = routes
        self._holding = Holding(gateway.ongoing)
        self._heads = Heads()
        self._origins = origins
        self._failures = failures
        self._clients = clients

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request; raises only to cut off an answer under way."""
        response = await self._handle(request)
        if PAGE in request and not response.prepared:
            response.headers.update(page_headers(request))
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            self._heads.check(request)
            page = self._origins.check(request)
            route, slug = self._routes.match(request.method, request.raw_path)
            if page and not route.is_shared:
                raise Forbidden("requests from this origin are not served here")
            if page:
                request[PAGE] = page
            peer = request.get(PEER)
            if peer is not None and peer.is_proxy:
                with self._clients.requesting(client_address(request)):
                    return await self._serve(request, route, slug)
            return await self._serve(request, route, slug)
        except MethodNotAllowed as error:
            response = _refusal(request, error)
            response.headers["Allow"] = ", ".join(error.allowed)
        except Unauthenticated as error:
            response = _refusal(request, self._failures.judge(error, client_address(request)))
        except GatewayError as error:
            response = _refusal(request, error)
            if isinstance(error, Refused):
                response.force_close()
        except Exception as error:  # the one place at this door where a bug becomes an answer
            if not (isinstance(error, ConnectionError) and request.transport is None):
                logger.error("internal error: %s at %s", type(error).__name__, _where(error))
            if request.writer.output_size > 0:
                raise ConnectionError("the answer is under way; it can only be cut off") from None
            internal = GatewayError("Internal error", "see the log of mcpgw serve")
            response = _refusal(request, internal)
        if not request.content.is_eof():
            # The rest of the body could be taken for a request, by us or by a proxy.
            response.force_close()
        return response

    async def _serve(self, request: web.BaseRequest, route: Route, slug: str) -> web.StreamResponse:
        route = route.wanted_by(request)
        admission = await self._admit(request, route, slug)
        return await route.handler(request, admission)

    async def _admit(self, request: web.BaseRequest, route: Route, slug: str) -> Admission | None:
        if isinstance(route.policy, Public):
            return None
        if isinstance(route.policy, OfToken):
            action = route.policy.action
            admission = await self._gateway.access.identify(_presented(request))
        else:
            action = route.policy
            admission = await self._gateway.access.authenticate(slug, _presented(request))
        require(
            admission.principal,
            action,
            admission.workspace.id,
            address=client_address(request),
        )
        self._holding.hold(request.protocol, admission)
        return admission


def _refusal(request: web.BaseRequest, error: GatewayError) -> web.Response:
    """Return the answer to a request that failed, as its path has errors."""
    if request.raw_path.startswith(API_PATH):
        return problem_response(error)
    return error_response(error)


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
