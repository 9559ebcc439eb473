"""What a server's first answers say about its era. Pure: a table, in order, first hit wins.

Theory: `server/discover` is asked first. A modern server answers it, a legacy one fails in any way
it likes; refusals of our credential and outages say nothing and are reported. The opposite order
would be wrong: some legacy servers run calls before `initialize` as if nothing were missing.
Source: MCP 2026-07-28, basic/versioning; the spec's fallback rules for both transports.
"""

from enum import StrEnum

from msgspec import Raw, Struct, field, json

from mcpgw.protocol.era import LEGACY_VERSIONS, META_SERVER_INFO, MODERN_VERSIONS
from mcpgw.protocol.jsonrpc import UNSUPPORTED_VERSION
from mcpgw.upstream.frame import Frame


class Verdict(StrEnum):
    """What to do next."""

    MODERN = "modern"
    LEGACY = "legacy"
    RETRY = "retry"
    """Refused the very revision that it lists: ask once more."""
    INCOMPATIBLE = "incompatible"
    """Modern, of revisions that we do not speak."""
    REFUSED = "refused"
    """Our credential was refused (401, 403)."""
    OUTAGE = "outage"


class Discovered(Struct, rename="camel"):
    """The result of `server/discover`."""

    supported_versions: list[str]
    capabilities: dict[str, Raw] = {}
    instructions: str | None = None
    meta: dict[str, Raw] = field(default_factory=dict, name="_meta")

    def server_info(self) -> dict[str, Raw]:
        """Return the server's own name and version."""
        try:
            return _object_decoder.decode(self.meta[META_SERVER_INFO])
        except (KeyError, ValueError, RecursionError):
            return {}


class Initialized(Struct, rename="camel"):
    """The result of `initialize`."""

    protocol_version: str
    capabilities: dict[str, Raw] = {}
    instructions: str | None = None
    server_info: dict[str, Raw] = {}


_object_decoder = json.Decoder(dict[str, Raw])
_discovered_decoder = json.Decoder(Discovered)
_initialized_decoder = json.Decoder(Initialized)


def judge(status: int | None, frame: Frame | None) -> Verdict:
    """Return what the answer to `server/discover` means.

    Args:
        status: of HTTP, None over stdio.
        frame: None when the body was unreadable; over stdio also when no answer came in time or
            the child ended.
    """
    if status in (401, 403):
        return Verdict.REFUSED
    if status is not None and (status >= 500 or 300 <= status < 400):
        return Verdict.OUTAGE
    if frame is None:
        return Verdict.LEGACY
    found = read_discovered(frame)
    if found is not None and status in (None, 200):
        return Verdict.MODERN if _speaks_modern(found.supported_versions) else Verdict.LEGACY
    if frame.error_code() == UNSUPPORTED_VERSION:
        return _judge_listed(frame.supported_versions())
    return Verdict.LEGACY


def judge_initialize(frame: Frame | None) -> Verdict:
    """Return what an answer to `initialize` means: a late probe may have locked a child modern."""
    if frame is not None and frame.error_code() == UNSUPPORTED_VERSION:
        verdict = _judge_listed(frame.supported_versions())
        return Verdict.MODERN if verdict is Verdict.RETRY else verdict
    return Verdict.LEGACY


def read_discovered(frame: Frame | None) -> Discovered | None:
    """Return the result of `server/discover`, None when this is none."""
    try:
        return None if frame is None else _discovered_decoder.decode(frame.result)
    except (ValueError, RecursionError):
        return None


def read_initialized(frame: Frame | None) -> Initialized | None:
    """Return the result of `initialize`, None when this is none."""
    try:
        return None if frame is None else _initialized_decoder.decode(frame.result)
    except (ValueError, RecursionError):
        return None


def _judge_listed(versions: tuple[str, ...]) -> Verdict:
    if _speaks_modern(versions):
        return Verdict.RETRY
    if set(versions) <= set(LEGACY_VERSIONS):
        return Verdict.LEGACY
    return Verdict.INCOMPATIBLE


def _speaks_modern(versions: list[str] | tuple[str, ...]) -> bool:
    return not set(MODERN_VERSIONS).isdisjoint(versions)
