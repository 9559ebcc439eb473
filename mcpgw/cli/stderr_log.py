"""The log of a process, on stderr: our own lines only, none of the libraries beneath.

What a library logs may quote a request. Its lines go nowhere, and no exception is ever formatted.
"""

import json
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


class Json(logging.Formatter):
    """One JSON object a line, of an allow-list of fields: nothing else of a record gets out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields: dict[str, str | int | float | None] = {
            "time": iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(record.getMessage()),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if isinstance(value, str | int | float):
                fields[name] = clean(value) if isinstance(value, str) else value
        return json.dumps(fields)


FIELDS = ("call_id", "workspace", "server", "trace_id")
"""What a record may have beside its message, given as `extra`."""

_FORMATS: dict[str, type[logging.Formatter]] = {"text": OneLine, "json": Json}


def log_to_stderr(level: str, form: str = "text") -> None:
    """Send what mcpgw logs from `level` up to stderr, and everything else nowhere.

    `form` is `text` or `json`.
    """
    logging.getLogger().handlers = [logging.NullHandler()]
    handler = logging.StreamHandler()
    handler.setFormatter(_FORMATS[form]())
    ours = logging.getLogger("mcpgw")
    ours.handlers = [handler]
    ours.propagate = False
    ours.setLevel(level.upper())
