"""Every feature in every cell: clients of each era, servers of one and of both, both transports.

The client is PyPI `mcp` 2.x; the servers are our own fixtures on `mcp` 1.x (legacy) and 2.x. Each
server has a workspace of its own, where its tools keep their names. The order of the tests is that
of a server's life: a child that was seen to ask has a process for each client that it can ask.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import Subscription
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged

from tests.e2e.conftest import MCP1_PYTHON, PATIENCE_S, PEERS, Box

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
"""The modern era gave up logging levels and subscriptions by resource; legacy clients use both."""

CLIENTS = ("legacy", "modern")
SERVERS = tuple(f"{era}-{way}" for era in ("legacy", "modern", "dual") for way in ("stdio", "http"))
CELLS = [(client, server) for client in CLIENTS for server in SERVERS]

WATCHED = "test://watched-resource"
WAIT_S = 10.0


def fixture(server: str) -> tuple[str, ...]:
    """Return the command of a fixture server, without the choice of transport."""
    era, _, _ = server.partition("-")
    if era == "legacy":
        return (str(MCP1_PYTHON), str(PEERS / "fixture_mcp1.py"))
    only = () if era == "dual" else ("--only", era)
    return (sys.executable, str(PEERS / "fixture_mcp2.py"), *only)


@contextmanager
def over_http(server: str) -> Iterator[str]:
    """Run a fixture server on a port of its own; yields its URL."""
    command = (*fixture(server), "--http", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@dataclass(frozen=True)
class House:
    """A running gateway, and the token of each workspace."""

    url: str
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def house(shared_box: Box) -> Iterator[House]:
    with ExitStack() as stack:
        tokens = {}
        for server in SERVERS:
            target: tuple[str, ...] = ("--", *fixture(server), "--stdio")
            if server.endswith("http"):
                target = (stack.enter_context(over_http(server)),)
            tokens[server] = furnish(shared_box, server, target)
        yield House(stack.enter_context(shared_box.serving()).url, tokens)


def furnish(box: Box, server: str, target: tuple[str, ...]) -> str:
    """Make a workspace with one server whose tools keep their names; return a token for it."""
    box.run("workspace", "create", server)
    box.run("server", "add", "-w", server, "--prefix", "", "--no-test", "one", *target)
    issued = box.read("token", "issue", "-w", server, "--member", "ana", "--no-test")
    return str(issued["token"])


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, within ten seconds."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("what was waited for never came")


@dataclass
class Heard:
    """What a client was told and asked."""

    logs: list[Any] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    async def log(self, params: types.LoggingMessageNotificationParams) -> None:
        self.logs.append(params.data)

    async def message(self, message: Any) -> None:
        self.messages.append(message)

    async def elicit(self, _: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.questions.append(params.message)
        return types.ElicitResult(action="accept", content={"text": "Ada"})

    async def sample(
        self, _: Any, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult:
        content = types.TextContent(type="text", text="sampled")
        return types.CreateMessageResult(role="assistant", content=content, model="none")

    async def roots(self, _: Any) -> types.ListRootsResult:
        return types.ListRootsResult.model_validate({"roots": [{"uri": "file:///work"}]})

    async def hears(self, *kinds: type[object]) -> None:
        """Wait for a message of one of these kinds."""
        await until(lambda: any(isinstance(message, kinds) for message in self.messages))


@asynccontextmanager
async def connected(
    house: House, client: str, server: str, *, can_be_asked: bool = True
) -> AsyncIterator[tuple[Client, Heard]]:
    """Connect a client of that era to the workspace of that server."""
    heard = Heard()
    headers = {"Authorization": f"Bearer {house.tokens[server]}"}
    asked: dict[str, Any] = {}
    if can_be_asked:
        asked = {
            "elicitation_callback": heard.elicit,
            "sampling_callback": heard.sample,
            "list_roots_callback": heard.roots,
        }
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"{house.url}/ws/{server}", http_client=http)
        mode: Any = "legacy" if client == "legacy" else "auto"
        async with Client(
            transport,
            mode=mode,
            cache=None,
            logging_callback=heard.log,
            log_level="debug",
            message_handler=heard.message,
            **asked,
        ) as session:
            wanted = "2025-11-25" if client == "legacy" else "2026-07-28"
            assert session.protocol_version == wanted
            yield session, heard


def said(result: types.CallToolResult) -> str:
    """Return the text of a result that is no failure."""
    block = result.content[0]
    assert isinstance(block, types.TextContent)
    assert not result.is_error, block.text
    return block.text


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_plain(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, _):
        assert said(await session.call_tool("echo", {"text": "hello"})) == "hello"
        listed = await session.list_tools()
        assert {"echo", "ask", "slow"} <= {tool.name for tool in listed.tools}


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_era_affinity(house: House, client: str, server: str) -> None:
    """A server of both eras is spoken to in the client's, one of a single era in its own."""
    async with connected(house, client, server) as (session, _):
        result = await session.call_tool("describe_client", {})
        assert result.structured_content is not None
        spoken = result.structured_content["protocolVersion"]
        era = client if server.startswith("dual") else server.partition("-")[0]
        assert (spoken == "2026-07-28") is (era == "modern")


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_progress(house: House, client: str, server: str) -> None:
    seen: list[float] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with connected(house, client, server) as (session, _):
        await session.call_tool("progress", {"steps": 3}, progress_callback=progress)
        assert seen == [1, 2, 3]


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_log(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, heard):
        if client == "legacy":
            await session.set_logging_level("debug")
        await session.call_tool("log", {"level": "warning", "text": "look"})
        await until(lambda: heard.logs)
        assert heard.logs == ["look"]


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_error(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, _):
        failed = await session.call_tool("fail", {})
        assert failed.is_error
        assert "it went wrong" in str(failed.content)
        with pytest.raises(MCPError) as refused:
            await session.call_tool("refuse", {})
        assert refused.value.error.code == 1234
        assert refused.value.error.data == {"why": "on purpose"}


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_linked_resource(house: House, client: str, server: str) -> None:
    """What a tool links to can be read, though no list shows it."""
    async with connected(house, client, server) as (session, _):
        result = await session.call_tool("link", {})
        block = result.content[0]
        assert isinstance(block, types.ResourceLink)
        read = await session.read_resource(str(block.uri))
        assert read.contents


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_subscribe(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, heard):
        if client == "legacy":
            await session.subscribe_resource(WATCHED)
            await session.call_tool("touch", {"text": "new"})
            await heard.hears(types.ResourceUpdatedNotification)
            return
        async with session.listen(resource_subscriptions=[WATCHED]) as news:
            assert news.honored.resource_subscriptions == [WATCHED]
            await session.call_tool("touch", {"text": "new"})
            async with asyncio.timeout(WAIT_S):
                assert await anext(aiter(news)) == ResourceUpdated(WATCHED)


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_list_changed(house: House, client: str, server: str) -> None:
    """A client that listens is told of the change, and then sees it."""
    async with connected(house, client, server) as (session, heard), AsyncExitStack() as stack:
        if client == "modern":
            news = await stack.enter_async_context(session.listen(tools_list_changed=True))
            told = asyncio.ensure_future(collect(news, heard))
            stack.callback(told.cancel)
        else:
            await asyncio.sleep(0.5)  # its GET stream opens behind the handshake
        # The gateway may have missed earlier changes of this tool that comes and goes.
        await sees(session, said(await session.call_tool("change_tools", {})))
        await asyncio.sleep(0.3)
        heard.messages.clear()
        extra = said(await session.call_tool("change_tools", {}))
        await heard.hears(types.ToolListChangedNotification, ToolsListChanged)
        await sees(session, extra)


async def collect(news: Subscription, heard: Heard) -> None:
    """Keep what a modern client's subscription tells."""
    async for event in news:
        heard.messages.append(event)


async def sees(session: Client, extra: str) -> None:
    """Wait until the list has the tool that comes and goes, or not, as its server says."""
    for _ in range(100):
        names = {tool.name for tool in (await session.list_tools()).tools}
        if ("extra_tool" in names) is (extra == "extra_tool"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the list does not follow its server")


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_who_cannot_be_asked_gets_a_clear_error(
    house: House, client: str, server: str
) -> None:
    async with connected(house, client, server, can_be_asked=False) as (session, _):
        try:
            result = await session.call_tool("ask", {"question": "Who?"})
        except MCPError as error:
            told = str(error)
        else:
            assert result.is_error
            told = str(result.content)
        assert "elicit" in told.lower()
        assert said(await session.call_tool("echo", {"text": "still there"})) == "still there"


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_elicitation(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, heard):
        assert said(await session.call_tool("ask", {"question": "Who?"})) == "accept: Ada"
        assert heard.questions == ["Who?"]


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_elicitation_in_rounds(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, heard):
        assert said(await session.call_tool("ask_twice", {"question": "Who?"})) == "Ada, Ada"
        assert heard.questions == ["Who?", "Who? Again?"]


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_sampling(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, _):
        assert said(await session.call_tool("sample", {"prompt": "Say it"})) == "sampled"


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_roots(house: House, client: str, server: str) -> None:
    async with connected(house, client, server) as (session, _):
        assert said(await session.call_tool("roots", {})) == "file:///work"


@pytest.mark.parametrize(("client", "server"), CELLS)
async def test_cancel(house: House, client: str, server: str) -> None:
    """A call that its client takes back ends at its server too."""
    async with connected(house, client, server) as (session, _):

        async def cancelled() -> int:
            return int(said(await session.call_tool("cancellations", {})))

        before = await cancelled()
        slow = asyncio.ensure_future(session.call_tool("slow", {"seconds": 30}))
        await asyncio.sleep(0.3)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        for _ in range(100):
            if await cancelled() == before + 1:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("the server still runs the call")
