"""Agrees with a server on era and revision, over either transport, before the first call.

Tries modern first and falls back to `initialize`, as `probe.py` judges. Knows no pool: who asks
decides how often.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from msgspec import Raw, json

from mcpgw import __version__
from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.protocol.era import (
    META_CLIENT_CAPABILITIES,
    META_CLIENT_INFO,
    META_VERSION,
    NEWEST_LEGACY,
    NEWEST_MODERN,
    Era,
    era_of,
)
from mcpgw.protocol.exchange import Outgoing
from mcpgw.protocol.jsonrpc import HEADER_MISMATCH, INTERNAL_ERROR, notification_bytes
from mcpgw.upstream import Terms
from mcpgw.upstream.event_stream import EventStreamTransport
from mcpgw.upstream.failure import status_error
from mcpgw.upstream.frame import Frame
from mcpgw.upstream.http import HttpTransport
from mcpgw.upstream.http_head import modern_lines, session_lines
from mcpgw.upstream.probe import (
    Discovered,
    Initialized,
    Verdict,
    judge,
    judge_initialize,
    read_discovered,
    read_initialized,
)
from mcpgw.upstream.stdio import StdioTransport

CLIENT = {"name": "mcpgw", "version": __version__}
"""Who we say we are."""

DISCOVER = "server/discover"
DISCOVER_PARAMS = json.encode(
    {
        "_meta": {
            META_VERSION: NEWEST_MODERN,
            META_CLIENT_INFO: CLIENT,
            META_CLIENT_CAPABILITIES: Raw(EVERYTHING),
        }
    }
)
INITIALIZED = notification_bytes("notifications/initialized", b"{}")

NOT_BY_POST = frozenset({400, 404, 405})
"""How servers of HTTP+SSE answer a POST to the URL of their stream."""

_log = logging.getLogger("mcpgw.upstream")


class Declined(UpstreamError):
    """The server answers, and will not initialize: it speaks no legacy revision."""


class NotHere(Declined):
    """The server takes no `initialize` by POST at its URL: it may be one of HTTP+SSE."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed, and what the server says of itself."""

    era: Era
    version: str
    capabilities: Mapping[str, Raw]
    instructions: str
    server_info: Mapping[str, Raw]


async def agree_over_http(transport: HttpTransport, terms: Terms, timeout_s: float) -> Agreement:
    """Agree and begin.

    Args:
        transport: where nothing was asked yet.
        terms: what the connection is for.
        timeout_s: of each request.

    Raises:
        UpstreamError: the server speaks no MCP that we do, refuses us, or cannot be reached.
        UpstreamTimeout: it does not answer in time.
    """
    if not terms.is_legacy:
        agreement = await _discover_over_http(transport, timeout_s)
        if agreement is not None:
            transport.begin(Era.MODERN, agreement.version)
            return agreement
    return await initialize_over_http(transport, terms.capabilities, timeout_s)


async def initialize_over_http(
    transport: HttpTransport, capabilities: bytes, timeout_s: float
) -> Agreement:
    """Make a legacy session and begin in it. Raises as `agree_over_http`, and Declined."""
    params = _initialize_params(capabilities)
    response, frame = await transport.ask("initialize", params, b"", timeout_s)
    result = read_initialized(frame)
    if result is None:
        code = frame.error_code() if frame is not None else None
        error = status_error(transport.server, response.status)
        if code is not None:
            error = _refused(transport.server, code)
        if response.status in NOT_BY_POST:
            raise NotHere(error.message, error.hint, error.status)
        if code is None and judge(response.status, None) is Verdict.LEGACY:
            raise Declined(error.message, error.hint, error.status)
        raise error
    agreement = _legacy(transport.server, result)
    lines = session_lines(agreement.version, response.session_id)
    status = await transport.tell(INITIALIZED, lines)
    if status in (401, 403) or status >= 500:
        raise status_error(transport.server, status)
    transport.begin(Era.LEGACY, agreement.version, lines)
    return agreement


async def initialize_over_event_stream(
    transport: EventStreamTransport, capabilities: bytes, timeout_s: float
) -> Agreement:
    """Make a legacy session on an open stream. Raises as `initialize_over_http`."""
    frame = await transport.ask("initialize", _initialize_params(capabilities), timeout_s)
    result = read_initialized(frame)
    if result is None:
        raise _refused(transport.server, frame.error_code() or INTERNAL_ERROR)
    agreement = _legacy(transport.server, result)
    await transport.say(INITIALIZED)
    return agreement


async def agree_over_stdio(
    start: Callable[[], Awaitable[StdioTransport]], terms: Terms, timeout_s: float
) -> tuple[StdioTransport, Agreement]:
    """Start a child and agree with it. A child that ends over our probe is started anew.

    Args:
        start: starts the child.
        terms: what the connection is for.
        timeout_s: of each request; a first start may download a package.

    Raises:
        UpstreamError: it cannot be started, ends, or speaks no MCP that we do.
        UpstreamTimeout: it does not answer in time.
    """
    transport = await start()
    try:
        agreement = None
        if not terms.is_legacy:
            agreement = await _discover_over_stdio(transport, timeout_s)
            if agreement is None and not transport.is_alive:
                await transport.close()
                transport = await start()
        if agreement is None:
            agreement = await _initialize_over_stdio(transport, terms.capabilities, timeout_s)
        transport.begin(agreement.era)
        return transport, agreement
    except BaseException:
        await transport.close()
        raise


async def _discover_over_http(transport: HttpTransport, timeout_s: float) -> Agreement | None:
    """Return the agreement with a modern server, None when it is a legacy one."""
    lines = modern_lines(NEWEST_MODERN, Outgoing(0, DISCOVER, b"{}"))
    response, frame = await transport.ask(DISCOVER, DISCOVER_PARAMS, lines, timeout_s)
    if judge(response.status, frame) is Verdict.RETRY:
        response, frame = await transport.ask(DISCOVER, DISCOVER_PARAMS, lines, timeout_s)
    await _drop_stray_session(transport, response.session_id)
    verdict = judge(response.status, frame)
    if verdict in (Verdict.REFUSED, Verdict.OUTAGE):
        raise status_error(transport.server, response.status)
    return _conclude(transport.server, verdict, frame)


async def _discover_over_stdio(transport: StdioTransport, timeout_s: float) -> Agreement | None:
    """Return the agreement with a modern child, None when it is a legacy one."""
    frame = await transport.ask(DISCOVER, DISCOVER_PARAMS, timeout_s)
    if judge(None, frame) is Verdict.RETRY:
        frame = await transport.ask(DISCOVER, DISCOVER_PARAMS, timeout_s)
    return _conclude(transport.server, judge(None, frame), frame)


def _conclude(server: str, verdict: Verdict, frame: Frame | None) -> Agreement | None:
    found = read_discovered(frame)
    if verdict is Verdict.MODERN and found is not None:
        return _modern(found)
    if verdict in (Verdict.INCOMPATIBLE, Verdict.RETRY):
        raise _unspoken(server)
    if frame is not None and frame.error_code() == HEADER_MISMATCH:
        _log.warning("server %s objects to the headers of our probe; trying legacy", server)
    return None


async def _initialize_over_stdio(
    transport: StdioTransport, capabilities: bytes, timeout_s: float
) -> Agreement:
    frame = await transport.ask("initialize", _initialize_params(capabilities), timeout_s)
    verdict = judge_initialize(frame)
    if verdict is Verdict.INCOMPATIBLE:
        raise _unspoken(transport.server)
    if verdict is Verdict.MODERN:
        agreement = await _discover_over_stdio(transport, timeout_s)
        if agreement is None:
            raise _unspoken(transport.server)
        return agreement
    result = read_initialized(frame)
    if result is None:
        raise _no_handshake(transport, frame)
    transport.tell(INITIALIZED)
    return _legacy(transport.server, result)


def _no_handshake(transport: StdioTransport, frame: Frame | None) -> UpstreamError:
    """Return the error for a child that did not answer `initialize` as MCP says."""
    if frame is not None:
        code = frame.error_code()
        return _no_mcp(transport.server) if code is None else _refused(transport.server, code)
    if not transport.is_alive:
        return transport.ended()
    if transport.stray_lines:
        return _no_mcp(transport.server)
    return UpstreamTimeout(
        f"server {transport.server!r} did not answer as an MCP server in time",
        "run its command by hand; raise MCPGW_START_TIMEOUT if it takes long to start",
    )


async def _drop_stray_session(transport: HttpTransport, session_id: str) -> None:
    """End the session that some legacy servers make for the probe that they refuse."""
    lines = session_lines("", session_id)
    if lines:
        # A courtesy: the server forgets the session by itself some day.
        with suppress(UpstreamError):
            await transport.end_session(lines)


def _modern(found: Discovered) -> Agreement:
    return Agreement(
        Era.MODERN,
        NEWEST_MODERN,
        found.capabilities,
        found.instructions or "",
        found.server_info(),
    )


def _legacy(server: str, result: Initialized) -> Agreement:
    if era_of(result.protocol_version) is not Era.LEGACY:
        raise _unspoken(server)
    return Agreement(
        Era.LEGACY,
        result.protocol_version,
        result.capabilities,
        result.instructions or "",
        result.server_info,
    )


def _initialize_params(capabilities: bytes) -> bytes:
    return json.encode(
        {
            "protocolVersion": NEWEST_LEGACY,
            "capabilities": Raw(capabilities),
            "clientInfo": CLIENT,
        }
    )


def _refused(server: str, code: int) -> Declined:
    return Declined(
        f"server {server!r} refused to initialize (JSON-RPC error {code})",
        "look at the server's log",
    )


def _unspoken(server: str) -> Declined:
    return Declined(
        f"server {server!r} speaks no revision of MCP that mcpgw does",
        f"it needs one of 2024-11-05 to {NEWEST_MODERN}",
    )


def _no_mcp(server: str) -> UpstreamError:
    return UpstreamError(
        f"server {server!r} speaks no MCP: its output is not JSON-RPC",
        "check its command; an MCP server over stdio prints nothing else to stdout",
    )
