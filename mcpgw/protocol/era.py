"""Protocol eras, revisions and methods, as enumerated sets: never compared as strings.

Legacy revisions begin with `initialize` and have sessions; the modern one carries its version in
every request. Source: MCP 2026-07-28, basic/versioning.
"""

from enum import StrEnum
from types import MappingProxyType


class Era(StrEnum):
    """The two generations of MCP."""

    LEGACY = "legacy"
    MODERN = "modern"


LEGACY_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Oldest first. The first is spoken over HTTP+SSE only."""

MODERN_VERSIONS = ("2026-07-28",)

NEWEST_LEGACY = LEGACY_VERSIONS[-1]
NEWEST_MODERN = MODERN_VERSIONS[-1]

ASSUMED_LEGACY = "2025-03-26"
"""What a session request without a version header is taken for; the one revision with batches."""

META = "io.modelcontextprotocol/"
META_VERSION = META + "protocolVersion"
META_CLIENT_INFO = META + "clientInfo"
META_CLIENT_CAPABILITIES = META + "clientCapabilities"
META_LOG_LEVEL = META + "logLevel"
META_SERVER_INFO = META + "serverInfo"
META_SUBSCRIPTION_ID = META + "subscriptionId"

NAME_BEARING = MappingProxyType(
    {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
)
"""The methods that name a target, and the parameter that does."""

METHODS = MappingProxyType(
    {
        Era.LEGACY: frozenset(
            {
                "completion/complete",
                "initialize",
                "logging/setLevel",
                "ping",
                "prompts/get",
                "prompts/list",
                "resources/list",
                "resources/read",
                "resources/subscribe",
                "resources/templates/list",
                "resources/unsubscribe",
                "tools/call",
                "tools/list",
            }
        ),
        Era.MODERN: frozenset(
            {
                "completion/complete",
                "prompts/get",
                "prompts/list",
                "resources/list",
                "resources/read",
                "resources/templates/list",
                "server/discover",
                "subscriptions/listen",
                "tools/call",
                "tools/list",
            }
        ),
    }
)
"""The requests of a client that are served, by era."""

LISTS = MappingProxyType(
    {
        "tools/list": "tools",
        "prompts/list": "prompts",
        "resources/list": "resources",
        "resources/templates/list": "resourceTemplates",
    }
)
"""The listing methods, and the key of their items in the result."""


def era_of(version: str) -> Era | None:
    """Return the era of a revision, None for one that we do not speak."""
    if version in MODERN_VERSIONS:
        return Era.MODERN
    return Era.LEGACY if version in LEGACY_VERSIONS else None


def is_older(version: str, revision: str) -> bool:
    """Say whether `version` came before `revision`; one that we do not know counts as newer."""
    return _AGE.get(version, len(_AGE)) < _AGE[revision]


_AGE = {version: age for age, version in enumerate(LEGACY_VERSIONS + MODERN_VERSIONS)}
