"""From nothing to a gateway that answers: what `mcpgw quickstart` does, step by step."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata
from pathlib import Path

import aiohttp
from msgspec import Raw, json

from mcpgw import __version__
from mcpgw.bootstrap import open_gateway, running
from mcpgw.cli.audit import print_calls
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import print_text, say
from mcpgw.cli.serving import Served, serving_data, stop_on_signals
from mcpgw.client_configs.name import VARIABLE
from mcpgw.client_configs.snippet import snippets
from mcpgw.config import Config
from mcpgw.errors import Conflict, NotFound, UpstreamError
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.token import Issued
from mcpgw.model.audit import CallFilter
from mcpgw.model.server import StdioLaunch
from mcpgw.model.token import OPERATOR, Role
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES, META_CLIENT_INFO, META_VERSION
from mcpgw.protocol.era import NEWEST_MODERN as VERSION

WORKSPACE, SERVER, MEMBER = "demo", "greeter", "you"
TOOL = f"{SERVER}__greet"
TTL_S = 90 * 86400.0

EXAMPLE = "greeter.py"
"""In `examples/` of the repository, and in the wheel's data files."""

HERE = {"host": "127.0.0.1", "public_url": "", "tls_cert": "", "tls_key": ""}
"""Settings of a gateway for this machine only, whatever the file and the environment say."""

PORTS_TRIED = 20
"""How many ports after the usual one are tried when that is taken."""

CALL_TIMEOUT_S = 60.0


async def first_run(asked: Invocation, port: int | None, is_once: bool) -> None:
    """Set up, serve, call once, show what to do next, and serve on unless `is_once`."""
    stop = stop_on_signals()
    config = asked.config(port=port, **HERE)
    found = running(config)
    if found is not None:
        raise Conflict(
            f"mcpgw (process {found[0]}) serves this data directory already, at {found[1]}",
            "stop it first, or use another --home",
        )
    await _set_up(config)
    async with _served(asked, config, is_port_fixed=port is not None) as served:
        issued = await _issue(served.gateway)
        url = f"{served.url}/ws/{WORKSPACE}"
        said = await call_tool(url, issued.text, TOOL, {"name": MEMBER})
        say(f"serving {url}; {TOOL} answered:")
        print_text(f"\n    {said}\n")
        say("and the journal has its row:")
        rows = await served.gateway.audit.find(
            OPERATOR, WORKSPACE, CallFilter(token_id=issued.token.id, newest=1)
        )
        print()
        print_calls([event for _, event in rows], is_colored=not asked.is_plain)
        _show_snippets(url, issued.text)
        if not is_once:
            say("serving until Ctrl-C; in another terminal: mcpgw logs -f -w demo")
            await stop.wait()
            say("stopping")


async def call_tool(url: str, token: str, tool: str, arguments: dict[str, object]) -> str:
    """Call a tool over HTTP as any modern client does, and return the text of its answer.

    Raises:
        UpstreamError: it did not work.
    """
    meta = {
        META_VERSION: VERSION,
        META_CLIENT_INFO: {"name": "mcpgw quickstart", "version": __version__},
        META_CLIENT_CAPABILITIES: {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(url, data=json.encode(body), headers=headers) as response,
        ):
            answer = json.decode(await response.read(), type=dict[str, Raw])
        result = json.decode(answer["result"])
        if result.get("isError"):
            raise UpstreamError(result["content"][0]["text"], "see: mcpgw doctor")
        return str(result["content"][0]["text"])
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        raise UpstreamError(f"{url} did not answer {tool}", "see: mcpgw doctor") from None


def example_path() -> Path:
    """Return where the example server is: in the checkout, else where the wheel put it.

    Raises:
        NotFound: it is in neither place.
    """
    in_checkout = Path(__file__).parents[2] / "examples" / EXAMPLE
    if in_checkout.is_file():
        return in_checkout
    return installed_example()


def installed_example() -> Path:
    """Return where the wheel put the example server.

    Raises:
        NotFound: it did not.
    """
    try:
        files = metadata.files("mcpgw-server") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name == EXAMPLE and path.is_file():
            return path.resolve()
    raise NotFound("the example server is not installed", "install mcpgw-server again")


async def _set_up(config: Config) -> None:
    """Make the data directory, the key, the workspace and the server, as far as they lack."""
    async with open_gateway(config, is_created=True) as gateway:
        await gateway.installation.establish(OPERATOR)
        say(f"data directory: {config.home}")
        say(f"master key: {gateway.installation.key_whereabouts}")
        known = [seen.workspace.slug for seen in await gateway.workspaces.list(OPERATOR)]
        if WORKSPACE not in known:
            await gateway.workspaces.create(OPERATOR, WORKSPACE)
        await _add_example(gateway)
        say(f"workspace {WORKSPACE} with the example server {SERVER}")


async def _add_example(gateway: Gateway) -> None:
    """Add the example server, or replace one that is launched otherwise: paths change."""
    launch = StdioLaunch((sys.executable, "-I", str(example_path())))
    for seen in await gateway.servers.list(OPERATOR, WORKSPACE):
        if seen.server.name != SERVER:
            continue
        if seen.server.launch == launch:
            await gateway.servers.set_enabled(OPERATOR, WORKSPACE, SERVER, True)
            return
        await gateway.servers.remove(OPERATOR, WORKSPACE, SERVER)
    await gateway.servers.add(OPERATOR, WORKSPACE, SERVER, launch)


@asynccontextmanager
async def _served(
    asked: Invocation, config: Config, *, is_port_fixed: bool
) -> AsyncIterator[Served]:
    """Serve, at the next free port when nobody asked for a certain one."""
    async with AsyncExitStack() as stack:
        served = None
        for port in range(config.port, config.port + PORTS_TRIED):
            tried = asked.config(port=port, **HERE)
            try:
                served = await stack.enter_async_context(serving_data(tried))
                break
            except Conflict:
                if is_port_fixed or port + 1 == config.port + PORTS_TRIED:
                    raise
                say(f"port {port} is taken; trying the next")
        if served is not None:
            yield served


async def _issue(gateway: Gateway) -> Issued:
    """Issue the token of this run; that of the run before is revoked: it cannot be shown again."""
    seen = await gateway.tokens.list(OPERATOR, WORKSPACE)
    if any(one.token.member == MEMBER for one in seen):
        await gateway.tokens.revoke_member(OPERATOR, WORKSPACE, MEMBER)
    return await gateway.tokens.issue(OPERATOR, WORKSPACE, MEMBER, Role.DEVELOPER, TTL_S)


def _show_snippets(url: str, token: str) -> None:
    print_text("\nPaste one of these into your client; the token is shown this once:\n")
    print_text(f"    export {VARIABLE}={token}")
    for snippet in snippets(url):
        print_text(f"\n{snippet.client} ({snippet.place}):\n\n{snippet.text}")
    print_text("")
