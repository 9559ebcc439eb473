"""Levels of log messages, from the most verbose to the gravest.

Source: MCP 2025-11-25, server/utilities/logging (the levels of RFC 5424).
"""

import msgspec
from msgspec import Raw

from mcpgw.protocol.jsonrpc import text

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class _LogMessage(msgspec.Struct):
    """What is looked at in the parameters of a `notifications/message`."""

    level: str


_log_message_decoder = msgspec.json.Decoder(_LogMessage)
_GRAVITY = {level: gravity for gravity, level in enumerate(LEVELS)}


def read_level(raw: Raw | None) -> str | None:
    """Return the level that raw JSON names, None when it names none."""
    level = None if raw is None else text(raw)
    return level if level in _GRAVITY else None


def is_wanted(notification_params: Raw, least: str) -> bool:
    """Say whether a log message is at least as grave as `least`; one without a level is not."""
    try:
        level = _log_message_decoder.decode(notification_params).level
    except (ValueError, RecursionError):
        return False
    return _GRAVITY.get(level, -1) >= _GRAVITY[least]


def more_verbose(a: str, b: str) -> str:
    """Return the one of two levels that lets more messages through."""
    return min(a, b, key=_GRAVITY.__getitem__)
