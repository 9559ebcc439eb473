"""Settings: one table, read once. The only file that looks at the environment.

A value comes from the flag, else the environment variable, else `mcpgw.toml` in the data
directory, else the default. Never imported by `gateway/`: what it needs is passed in.
"""

import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from mcpgw.errors import InvalidInput


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _level(value: Any) -> str:
    if value not in ("debug", "info", "warning", "error"):
        raise ValueError
    return str(value)


def _log_format(value: Any) -> str:
    if value not in ("text", "json"):
        raise ValueError
    return str(value)


def _switch(value: Any) -> bool:
    if value not in ("on", "off", True, False):
        raise ValueError
    return value in ("on", True)


def _durability(value: Any) -> str:
    if value not in ("full", "normal"):
        raise ValueError
    return str(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not 0 < float(value) < math.inf:
        raise ValueError
    return float(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int | str) or isinstance(value, bool) or int(value) < 0:
        raise ValueError
    return int(value)


def _count(value: Any) -> int:
    if _whole(value) == 0:
        raise ValueError
    return int(value)


def _port(value: Any) -> int:
    if _whole(value) > 65535:
        raise ValueError
    return int(value)


def _networks(value: Any) -> tuple[str, ...]:
    """Read networks or single addresses, in one text with commas or one by one."""
    given = value.split(",") if isinstance(value, str) else list(value)
    return tuple(str(ip_network(_text(one).strip())) for one in given)


def _places(value: Any) -> tuple[str, ...]:
    """Read `stderr`, `none`, absolute paths and URLs, in one text with commas or one by one."""
    given = value.split(",") if isinstance(value, str) else list(value)
    places = tuple(_text(one).strip() for one in given)
    if not all(
        place in ("stderr", "none")
        or place.startswith(("https://", "http://"))
        or Path(place).is_absolute()
        for place in places
    ):
        raise ValueError
    return places


_HOST_NAME = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*|[0-9a-f:.]*:[0-9a-f:.]*")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


def _url(value: Any) -> str:
    """Read http(s)://NAME[:PORT][/PATH], or nothing."""
    parts = urlsplit(_text(value))
    if value and (
        parts.scheme not in ("http", "https")
        or "@" in parts.netloc
        or "?" in value
        or "#" in value
        or not _HOST_NAME.fullmatch(parts.hostname or "")
        or not _PATH.fullmatch(parts.path)
        or parts.port == 0
    ):
        raise ValueError
    return str(value)


def _origins(value: Any) -> tuple[str, ...]:
    """Read http(s)://NAME[:PORT] of pages, in one text with commas or one by one."""
    given = value.split(",") if isinstance(value, str) else list(value)
    found = tuple(_url(_text(one).strip()) for one in given)
    if not all(one and urlsplit(one).path == "" for one in found):
        raise ValueError
    return found


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    `read` takes the text of a variable or the value of a flag or the file; what does not fit it
    refuses with TypeError or ValueError.
    """

    name: str
    variable: str
    default: Any
    read: Callable[[Any], Any]
    help: str


SETTINGS = (
    Setting("home", "MCPGW_HOME", "", _text, "data directory (default: the platform's)"),
    Setting("workspace", "MCPGW_WORKSPACE", "", _text, "workspace of a command without -w"),
    Setting("url", "MCPGW_URL", "", _text, "gateway elsewhere, or workspace of it"),
    Setting("token", "MCPGW_TOKEN", "", _text, "token for that URL"),
    Setting("host", "MCPGW_HOST", "127.0.0.1", _text, "address to listen on"),
    Setting("port", "MCPGW_PORT", 8080, _port, "TCP port to listen on; 0 picks a free one"),
    Setting("public_url", "MCPGW_PUBLIC_URL", "", _url, "https://NAME that clients use"),
    Setting("tls_cert", "MCPGW_TLS_CERT", "", _text, "certificate chain to serve TLS with (PEM)"),
    Setting("tls_key", "MCPGW_TLS_KEY", "", _text, "private key of that certificate (PEM)"),
    Setting(
        *("trusted_proxies", "MCPGW_TRUSTED_PROXIES", (), _networks),
        "networks (CIDR) of proxies whose word on client addresses is believed",
    ),
    Setting(
        *("cors_origins", "MCPGW_CORS_ORIGINS", (), _origins),
        "origins of web pages that may call functions, as https://NAME",
    ),
    Setting("master_key", "MCPGW_MASTER_KEY", "", _text, "the master key itself (last choice)"),
    Setting("master_key_file", "MCPGW_MASTER_KEY_FILE", "", _text, "file of the master key"),
    Setting("credentials_directory", "CREDENTIALS_DIRECTORY", "", _text, "systemd credentials"),
    Setting("log_level", "MCPGW_LOG_LEVEL", "info", _level, "debug, info, warning or error"),
    Setting("log_format", "MCPGW_LOG_FORMAT", "text", _log_format, "of the log: text, json"),
    Setting("otel", "MCPGW_OTEL", False, _switch, "send traces and logs by OpenTelemetry: on, off"),
    Setting("durability", "MCPGW_DURABILITY", "full", _durability, "of the journal: full, normal"),
    Setting(
        *("anchors", "MCPGW_ANCHORS", ("stderr",), _places),
        "where the journal's head is noted each minute: stderr, none, a file, a webhook's URL",
    ),
    Setting("call_timeout_s", "MCPGW_CALL_TIMEOUT", 60.0, _seconds, "seconds one call may take"),
    Setting("list_timeout_s", "MCPGW_LIST_TIMEOUT", 10.0, _seconds, "seconds a listing waits"),
    Setting("start_timeout_s", "MCPGW_START_TIMEOUT", 60.0, _seconds, "seconds to start a child"),
    Setting("max_body_bytes", "MCPGW_MAX_BODY", 4 << 20, _count, "largest request body"),
    Setting("max_message_bytes", "MCPGW_MAX_MESSAGE", 16 << 20, _count, "largest upstream message"),
    Setting("max_clients", "MCPGW_MAX_CLIENTS", 2048, _count, "connections of clients, in all"),
    Setting(
        *("max_clients_per_address", "MCPGW_MAX_CLIENTS_PER_ADDRESS", 256, _count),
        "connections of one client address (loopback: any number)",
    ),
    Setting(
        *("max_auth_failures", "MCPGW_MAX_AUTH_FAILURES", 10, _count),
        "failed authentications of one address in a minute",
    ),
    Setting("metrics_port", "MCPGW_METRICS_PORT", 0, _port, "loopback port of /metrics; 0: none"),
    Setting("max_connections", "MCPGW_MAX_CONNECTIONS", 32, _count, "HTTP connections per lane"),
    Setting(
        "registry_url",
        "MCPGW_REGISTRY_URL",
        "https://registry.modelcontextprotocol.io",
        _text,
        "the MCP registry that catalog search --registry asks",
    ),
)
"""Every setting there is. A test proves that each stands in docs/operations.md."""

CONFIG_FILE = "mcpgw.toml"

CHILD_VARIABLES = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "SYSTEMROOT", "APPDATA"),
    *("PROGRAMFILES", "TEMP", "USERPROFILE", "COMSPEC", "PATHEXT"),
)
"""What a child process may see of our own environment: what finds programs and certificates."""

SECRET_SETTINGS = frozenset({"master_key", "token"})
"""Never read from the file and never shown."""


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """The settings of this process. `home` is absolute; it may not exist yet."""

    home: Path
    workspace: str
    url: str
    token: str
    host: str
    port: int
    public_url: str
    tls_cert: str
    tls_key: str
    trusted_proxies: tuple[str, ...]
    cors_origins: tuple[str, ...]
    master_key: str
    master_key_file: str
    credentials_directory: str
    log_level: str
    log_format: str
    otel: bool
    durability: str
    anchors: tuple[str, ...]
    call_timeout_s: float
    list_timeout_s: float
    start_timeout_s: float
    max_body_bytes: int
    max_message_bytes: int
    max_clients: int
    max_clients_per_address: int
    max_auth_failures: int
    metrics_port: int
    max_connections: int
    registry_url: str

    @property
    def configuration_path(self) -> Path:
        """The database of workspaces, servers, sealed secrets and tokens."""
        return self.home / "configuration.db"

    @property
    def journal_path(self) -> Path:
        """The database of calls."""
        return self.home / "journal.db"

    @property
    def key_directory(self) -> Path:
        """Where key files stand: never beside the databases."""
        return platformdirs.user_config_path("mcpgw") / "keys"

    @property
    def state_directory(self) -> Path:
        """What belongs to this user, not to a data directory: which clients were connected."""
        return platformdirs.user_state_path("mcpgw")

    def __repr__(self) -> str:
        """Show the place only: a setting may be a key or a token."""
        return f"Config(home={str(self.home)!r})"


def load_config(flags: Mapping[str, Any] | None = None) -> Config:
    """Read the settings once.

    Args:
        flags: values given on the command line by setting name; `None` values are not given.

    Raises:
        InvalidInput: a variable or the file holds a value of the wrong kind, or an unknown name.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    home = _home(given.pop("home", None) or os.environ.get("MCPGW_HOME"))
    in_file = _read_file(home / CONFIG_FILE)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.name in given:
            values[setting.name] = _parse(setting, given[setting.name], "the command line")
        elif os.environ.get(setting.variable):
            values[setting.name] = _parse(
                setting, os.environ[setting.variable], f"the variable {setting.variable}"
            )
        elif setting.name in in_file:
            values[setting.name] = _parse(setting, in_file[setting.name], CONFIG_FILE)
        else:
            values[setting.name] = setting.default
    values["home"] = home
    return Config(**values)


def base_environment() -> dict[str, str]:
    """Return the few variables of our own environment that a child process may see."""
    # "()" opens a function that bash exported: the one way a value can be code.
    return {
        name: os.environ[name]
        for name in CHILD_VARIABLES
        if name in os.environ and not os.environ[name].startswith("()")
    }


def variable(name: str) -> str | None:
    """Return one variable that the user named, as for `secret set --from-env NAME`."""
    return os.environ.get(name)


def _home(chosen: str | Path | None) -> Path:
    home = Path(chosen or platformdirs.user_data_path("mcpgw"))
    try:
        return home.expanduser().absolute()
    except RuntimeError:
        raise InvalidInput(f"there is no user {home.parts[0]}", "give --home a path") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {type(error).__name__}", "correct or remove it"
        ) from None
    known = {setting.name for setting in SETTINGS} - SECRET_SETTINGS - {"home"}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InvalidInput(
            f"{path} has unknown settings: {', '.join(unknown)}",
            f"known are: {', '.join(sorted(known))}",
        )
    return values


def _parse(setting: Setting, value: Any, source: str) -> Any:
    try:
        return setting.read(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(
            f"{source} gives {setting.name} a value that does not fit",
            f"{setting.name}: {setting.help}",
        ) from None
