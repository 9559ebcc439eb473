"""`mcpgw bridge`: its options, which URL it goes to, and where its token comes from.

The token never stands in the arguments and is never shown. What the bridge does is in `bridging`,
which is imported late.
"""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from mcpgw.cli.hardening import harden
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import say
from mcpgw.cli.place import in_workspace
from mcpgw.cli.prompt import read_secret
from mcpgw.cli.stderr_log import QUIET, log_to_stderr
from mcpgw.cli.target import check_address, check_token, warn_of
from mcpgw.client_configs.name import VARIABLE
from mcpgw.config import Config
from mcpgw.errors import InvalidInput, NotFound, Unauthenticated, VaultLocked

EXAMPLES = [
    "bridge --url https://gateway.example.com/ws/team",
    "bridge --url https://gateway.example.com/ws/team --save-token",
]

URL_HINT = "use a workspace's URL, as in https://gateway.example.com/ws/team"


async def bridge(
    asked: Invocation,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The workspace's URL.")
    ] = None,
    is_saving: Annotated[
        bool, typer.Option("--save-token", help="Put the token into the OS keyring, and end.")
    ] = False,
) -> None:
    """Let a client that only starts commands use the gateway: MCP on stdin and stdout.

    Forwards to --url, else to MCPGW_URL, else to the gateway that serves the data directory. The
    token is that of MCPGW_TOKEN, else the one in the OS keyring; --save-token takes it from stdin
    or a hidden question, never from the arguments: every user of the machine can read those.
    """
    harden()
    log_to_stderr("debug" if asked.is_debug else QUIET)
    config = asked.config(url=url)
    target = check_url(config.url) if config.url else await _local_url(asked, config)
    if is_saving:
        _save_token(target)
        return
    token = check_token(config.token or _saved_token(target))
    warn_of(target)
    # Late: help must not wait for the HTTP client to be imported.
    from mcpgw.cli.bridging.running import run_bridge

    await run_bridge(target, token, config.max_message_bytes)


def check_url(url: str) -> str:
    """Return `url` without a slash at its end; the token is kept under that name.

    Raises:
        InvalidInput: it is no workspace's URL, or holds a credential.
    """
    url = check_address(url)
    if not urlsplit(url).path:
        raise InvalidInput("the URL has no path", URL_HINT)
    return url


async def _local_url(asked: Invocation, config: Config) -> str:
    """Return the URL of the workspace in the gateway that serves the data directory."""
    # Late: this is what takes long to import, and most bridges are told their URL.
    from mcpgw.bootstrap import running

    found = running(config)
    if found is None or not found[1]:
        raise NotFound(
            f"no gateway serves {config.home}, and no URL is given",
            "use --url or MCPGW_URL, or start one: mcpgw serve",
        )
    async with in_workspace(asked) as place:
        return f"{found[1]}/ws/{place.slug}"


def _saved_token(url: str) -> str:
    """Return the token in the keyring.

    Raises:
        Unauthenticated: there is none.
    """
    from mcpgw.bootstrap import saved_token  # late, as above

    try:
        found, reason = saved_token(url), "the OS keyring has none"
    except VaultLocked as error:
        found, reason = None, f"the OS keyring {error.message}"
    if not found:
        raise Unauthenticated(
            f"no token for {url}: {VARIABLE} is not set, and {reason}",
            f"set {VARIABLE}, or run: mcpgw bridge --url {url} --save-token",
        )
    return found


def _save_token(url: str) -> None:
    from mcpgw.bootstrap import save_token  # late, as above

    token = check_token(read_secret("token", "", None, None).reveal())
    try:
        save_token(url, token)
    except VaultLocked as error:
        raise VaultLocked(
            f"the OS keyring {error.message}", f"set {VARIABLE} in the client's configuration"
        ) from None
    say(f"saved in the OS keyring for {url}")
