"""The log of a process, on stderr: our own lines only, none of the libraries beneath.

What a library logs may quote a request. Its lines go nowhere, and no exception is ever formatted.
"""

import logging

from mcpgw.cli.output import clean, iso

QUIET = "critical"
"""The level of commands: what fails is said by the command itself."""


class OneLine(logging.Formatter):
    """Time, level, place and message on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        level = record.levelname.lower()
        return f"{iso(record.created)} {level} {record.name}: {clean(record.getMessage())}"


def log_to_stderr(level: str) -> None:
    """Send what mcpgw logs from `level` up to stderr, and everything else nowhere."""
    logging.getLogger().handlers = [logging.NullHandler()]
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    ours = logging.getLogger("mcpgw")
    ours.handlers = [handler]
    ours.propagate = False
    ours.setLevel(level.upper())
