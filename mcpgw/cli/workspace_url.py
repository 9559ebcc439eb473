"""Which workspace's URL a client is to use."""

from urllib.parse import urlsplit

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import say
from mcpgw.cli.place import in_workspace
from mcpgw.cli.target import DEFAULT_WORKSPACE, check_address, is_elsewhere, remote_target
from mcpgw.config import Config
from mcpgw.errors import InvalidInput


async def workspace_url(asked: Invocation, url: str | None) -> str:
    """Return the URL: that given, else that of MCPGW_URL, else that of the gateway here.

    Raises:
        InvalidInput: it is no URL of a gateway, or holds a credential.
        NotFound: there is no gateway here and no URL is given.
    """
    config = asked.config(url=url)
    if url is not None or is_elsewhere(asked):
        address = check_address(config.url)
        slug = config.workspace or DEFAULT_WORKSPACE
        return address if urlsplit(address).path else f"{address}/ws/{slug}"
    async with in_workspace(asked) as place:
        return url_of(asked, place.slug)


def url_of(asked: Invocation, slug: str) -> str:
    """Return the URL of a workspace in the gateway that the command acts on, running or not.

    Raises:
        InvalidInput: it is not running, and picks a free port when it does.
    """
    return remote_target(asked).url if is_elsewhere(asked) else _local_url(asked.config(), slug)


def _local_url(config: Config, slug: str) -> str:
    from mcpgw.bootstrap import running  # late: takes long to import

    found = running(config)
    if found is not None and found[1]:
        return f"{found[1]}/ws/{slug}"
    if config.public_url:
        return f"{config.public_url.rstrip('/')}/ws/{slug}"
    if not config.port:
        raise InvalidInput("the gateway's port is not known before it runs", "start mcpgw serve")
    host = f"[{config.host}]" if ":" in config.host else config.host
    scheme = "https" if config.tls_cert else "http"
    url = f"{scheme}://{host}:{config.port}/ws/{slug}"
    say(f"note: no gateway is running; {url} is where mcpgw serve would be")
    return url
