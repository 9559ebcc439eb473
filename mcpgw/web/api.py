"""The JSON API for automation. In this version: one's calls in the journal."""

import msgspec
from aiohttp import web

from mcpgw.errors import InvalidInput
from mcpgw.gateway.access import Admission
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.audit import CallFilter
from mcpgw.web.errors import json_response

MAX_CALLS = 1000
"""Rows of one answer."""


class Api:
    """Serves `/api/v1/workspaces/<slug>/...`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def calls(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """List calls, newest last: all for an admin, one's own for a developer."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        wanted = CallFilter(
            target=request.query.get("tool", ""),
            server=request.query.get("server", ""),
            member=request.query.get("member", ""),
            newest=_number(request.query.get("limit", "100")),
        )
        found = await self._gateway.audit.find(
            admission.principal, admission.workspace.slug, wanted
        )
        return json_response(msgspec.json.encode({"calls": [event for _, event in found]}))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_CALLS:
        raise InvalidInput(f"limit is a number from 1 to {MAX_CALLS}")
    return int(text)
