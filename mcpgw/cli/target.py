"""Which gateway is meant: a URL, and the token for it. Checked before anything is sent."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcpgw.cli.exposure import is_loopback
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import say
from mcpgw.client_configs.name import VARIABLE
from mcpgw.errors import InvalidInput, Unauthenticated
from mcpgw.model.workspace import check_slug

DEFAULT_WORKSPACE = "default"
"""What `init` makes."""

URL_HINT = "as in https://gateway.example.com, or https://gateway.example.com/ws/team"

_WORKSPACE = re.compile(r"(.*)/ws/([A-Za-z0-9_-]{1,63})(?:/mcp)?")


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A workspace of a gateway elsewhere. `base` is the URL of that, without a slash at its end."""

    base: str
    slug: str
    token: str

    @property
    def url(self) -> str:
        """The workspace's URL."""
        return f"{self.base}/ws/{self.slug}"


def is_elsewhere(asked: Invocation) -> bool:
    """Say whether a command is meant for the gateway that MCPGW_URL names.

    A data directory that was named, with `--home`, outweighs it.
    """
    return bool(asked.config().url) and not asked.home


def remote_target(asked: Invocation) -> Target:
    """Return the gateway that MCPGW_URL names.

    Raises:
        InvalidInput: the URL or the workspace's name is none, or the URL holds a credential.
        Unauthenticated: there is no token for it.
    """
    config = asked.config()
    url = check_address(config.url)
    found = _WORKSPACE.fullmatch(url)
    base, slug = (found[1], found[2]) if found else (url, "")
    if not config.token:
        raise Unauthenticated(
            f"MCPGW_URL names a gateway, and there is no token for it in {VARIABLE}",
            "set it to an admin's token; or name the data on this machine: --home DIR",
        )
    named = asked.workspace or slug or config.workspace or DEFAULT_WORKSPACE
    return Target(base, check_slug(named), check_token(config.token))


def check_address(url: str) -> str:
    """Return `url` without a slash at its end.

    Raises:
        InvalidInput: it is no URL of a gateway, or holds a credential.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise InvalidInput("the URL cannot be parsed", URL_HINT) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidInput("the URL has no http(s) scheme or no host", URL_HINT)
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise InvalidInput(
            "a URL with a user, a query or a fragment is not taken: it may hold a credential",
            f"give the token in {VARIABLE}",
        )
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput("the URL has a character that cannot stand there", URL_HINT)
    return url.rstrip("/")


def warn_of(url: str) -> None:
    """Say so if a token for that URL crosses a network readable."""
    host = urlsplit(url).hostname or ""
    if url.startswith("http:") and not is_loopback(host):
        say(f"WARNING: plain HTTP to {host}: the token crosses the network readable")


def check_token(token: str) -> str:
    """Return `token` if it can be sent.

    Raises:
        Unauthenticated: it is empty, or something else than one word.
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Unauthenticated("the token is empty or no token", "issue one: mcpgw token issue")
    return token
