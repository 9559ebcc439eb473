"""This gateway's workspaces in the format of the official MCP registry, for clients that browse.

A token names one workspace, so the list has one entry: what whoever asks may use. It tells nobody
of other workspaces, and never a token: the entry says that one is needed, and where it goes.
Source: MCP registry API 2025-12-01 (`v0.1`), server.json 2025-12-11.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from mcpgw import __version__
from mcpgw.gateway.access import Admission
from mcpgw.web.errors import json_response

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"

META = "io.modelcontextprotocol.registry/official"


class RegistryEndpoint:
    """Serves `/registry/v0.1/servers`. `url` is what clients use, without a path."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def servers(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """List the workspace of the token, if it is what is searched for."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        entry = _entry(self._url, admission)
        server = entry["server"]
        is_found = request.query.get("search", "").lower() in server["name"].lower()
        is_version = request.query.get("version", "latest") in ("latest", server["version"])
        found = [entry] if is_found and is_version else []
        answer = {"servers": found, "metadata": {"count": len(found)}}
        return json_response(msgspec.json.encode(answer))


def _entry(base: str, admission: Admission) -> dict[str, Any]:
    slug = admission.workspace.slug
    token = {
        "description": "A token of this workspace: mcpgw token issue",
        "isRequired": True,
        "isSecret": True,
    }
    header = {
        "name": "Authorization",
        "value": "Bearer {MCPGW_TOKEN}",
        "isRequired": True,
        "isSecret": True,
        "variables": {"MCPGW_TOKEN": token},
    }
    server = {
        "$schema": SCHEMA,
        "name": f"{_namespace(base)}/{slug}",
        "title": slug,
        "description": f"The workspace {slug} of an mcpgw gateway",
        "version": __version__,
        "remotes": [
            {"type": "streamable-http", "url": f"{base}/ws/{slug}", "headers": [header]},
        ],
    }
    created_at = datetime.fromtimestamp(admission.workspace.created_at, UTC).isoformat()
    official = {
        "status": "active",
        "publishedAt": created_at,
        "updatedAt": created_at,
        "isLatest": True,
    }
    return {"server": server, "_meta": {META: official}}


def _namespace(base: str) -> str:
    """Return the host in reverse, as names of servers begin: `com.example.gateway`."""
    host = urlsplit(base).hostname or "localhost"
    is_address = host.replace(".", "").isdigit() or ":" in host
    return "local.mcpgw" if is_address else ".".join(reversed(host.split(".")))
