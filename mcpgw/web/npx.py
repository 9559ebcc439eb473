"""`npx -y <workspace URL>`: npm asks for the URL as a package, and gets a bridge in JavaScript.

npm sends no token, so the answer is the same for everybody and every workspace, there or not: it
holds no secret and tells nothing. The bridge learns its URL from npm, which notes where a package
came from. The same bytes come from every machine: nothing is compressed, no time is noted.
"""

import functools
import gzip
import io
import json
import tarfile
from pathlib import Path

from aiohttp import web

from mcpgw import __version__
from mcpgw.gateway.access import Admission
from mcpgw.web.errors import PLAIN_HEADERS

FOLDER = Path(__file__).with_name("bridge")

NAME = "mcpgw-bridge"

MANIFEST = {
    "name": NAME,
    "version": __version__,
    "description": "MCP over stdio to a workspace of an mcpgw gateway",
    "license": "Apache-2.0",
    "type": "module",
    "bin": {NAME: "bridge.mjs"},
    "engines": {"node": ">=18"},
}


def is_npm(request: web.BaseRequest) -> bool:
    """Say whether npm asks for a package, which no client of MCP ever does."""
    return request.headers.get("pacote-req-type") == "tarball"


async def npx(request: web.BaseRequest, admission: Admission | None) -> web.StreamResponse:
    """Answer with the package."""
    headers = {**PLAIN_HEADERS, "Content-Type": "application/octet-stream"}
    return web.Response(body=tarball(), headers=headers)


@functools.cache
def tarball() -> bytes:
    """Return the package as npm wants it."""
    files = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.mjs"))}
    files["package.json"] = json.dumps(MANIFEST, indent=2).encode()
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=0, mtime=0, filename="") as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(content), 0o755 if name == "bridge.mjs" else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
