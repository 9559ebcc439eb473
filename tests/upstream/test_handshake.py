"""Era and revision are agreed on with every kind of server, over both transports."""

import asyncio
import json
import logging
import sys
from pathlib import Path

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.model.server import Server, StdioLaunch
from mcpgw.protocol.capability import EVERYTHING
from mcpgw.upstream.connection import Connection
from tests.live import call, echo_server, filled, http_server, nothing, open_upstreams, text_of
from tests.peers.raw_http import LEGACY, MODERN, RawHttp, RawMcp, Request, Script


async def echo(request: Request) -> None:
    request.say(request.message["params"]["arguments"].get("text", "ok"))


async def connect_http(tmp_path: Path, peer: RawHttp, timeout_s: float = 5.0) -> Connection:
    async with open_upstreams(tmp_path, handshake_timeout_s=timeout_s) as upstreams:
        connection = await upstreams.connect(http_server(peer.url), "f", nothing)
        assert text_of(await call(connection, "echo", {"text": "hi"})) == "hi"
        return connection


def methods(peer: RawHttp) -> list[str]:
    return [
        one.message.get("method", "response") if one.message else one.method
        for one in peer.requests
    ]


def refuses(code: int, status: int = 400, data: object = None) -> Script:
    async def script(request: Request) -> None:
        request.error(code, status, data)

    return script


def lists(*versions: str) -> Script:
    async def script(request: Request) -> None:
        request.result({"supportedVersions": list(versions)})

    return script


def answers(status: int, body: bytes = b"") -> Script:
    async def script(request: Request) -> None:
        request.answer(status, body)

    return script


async def test_a_modern_server_over_http(tmp_path: Path) -> None:
    async with RawMcp("modern", echo) as peer:
        connection = await connect_http(tmp_path, peer)
        assert (connection.era, connection.version) == ("modern", MODERN)
        assert connection.instructions == "say something"
        assert bytes(connection.capabilities["tools"]) == b"{}"
        assert bytes(connection.server_info["name"]) == b'"raw"'
        assert methods(peer) == ["server/discover", "tools/call"]
        probe = peer.requests[0]
        assert probe.headers["mcp-protocol-version"] == MODERN
        assert probe.headers["mcp-method"] == "server/discover"
        meta = probe.message["params"]["_meta"]
        assert meta["io.modelcontextprotocol/protocolVersion"] == MODERN
        assert meta["io.modelcontextprotocol/clientInfo"]["name"] == "mcpgw"
        assert meta["io.modelcontextprotocol/clientCapabilities"] == json.loads(EVERYTHING)


LEGACY_PROBES = [
    refuses(-32600),
    refuses(-32601, 200),
    refuses(-32602, 200),
    refuses(-32000),
    refuses(-32020),
    refuses(-32022, data={"supported": [LEGACY]}),
    lists(LEGACY),
    answers(400),
    answers(404, b"no such page"),
    answers(405),
    answers(406),
    answers(200, b"<html>"),
    answers(202),
]


@pytest.mark.parametrize("on_probe", LEGACY_PROBES)
async def test_a_legacy_server_over_http(
    tmp_path: Path, on_probe: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async with RawMcp("legacy", echo, on_probe) as peer:
        with caplog.at_level(logging.WARNING):
            connection = await connect_http(tmp_path, peer)
        assert (connection.era, connection.version) == ("legacy", LEGACY)
        assert connection.instructions == "say something"
        assert bytes(connection.server_info["version"]) == b'"1"'
        wanted = ["server/discover", "initialize", "notifications/initialized", "tools/call"]
        assert methods(peer) == [*wanted, "DELETE"]
        begin = peer.requests[1]
        assert not {name for name in begin.headers if name.startswith("mcp-")}
        assert begin.message["params"]["protocolVersion"] == LEGACY
        assert begin.message["params"]["capabilities"] == json.loads(EVERYTHING)
        told = peer.requests[2].headers
        assert told["mcp-session-id"] == peer.sessions[0]
        assert told["mcp-protocol-version"] == LEGACY
        assert ("objects to the headers" in caplog.text) == (on_probe is LEGACY_PROBES[4])


async def test_the_session_of_a_refused_probe_is_ended(tmp_path: Path) -> None:
    async def on_probe(request: Request) -> None:
        error = {"code": -32600, "message": "Bad Request: Missing session ID"}
        message = {"jsonrpc": "2.0", "id": "server-error", "error": error}
        request.answer_json(message, 400, {"Mcp-Session-Id": "stray"})

    async with RawMcp("legacy", echo, on_probe) as peer:
        await connect_http(tmp_path, peer)
        assert peer.ended == ["stray", peer.sessions[0]]


async def test_the_session_of_a_refused_probe_may_be_past_ending(tmp_path: Path) -> None:
    async def on_probe(request: Request) -> None:
        request.answer(400, b"", {"Mcp-Session-Id": "stray"})

    async def script(request: Request) -> None:
        if request.method == "DELETE":
            request.reset()
        else:
            await peer._dispatch(request)

    async with RawMcp("legacy", echo, on_probe) as peer:
        peer.script = script
        await connect_http(tmp_path, peer)
        assert peer.ended == []


async def test_an_initialize_answered_by_a_stream(tmp_path: Path) -> None:
    async def script(request: Request) -> None:
        if not request.message or request.message["method"] != "initialize":
            await peer._dispatch(request)
            return
        result = {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {}}
        peer.sessions.append("streamed")
        request.begin_stream({"Mcp-Session-Id": "streamed"})
        request.chunk(b"id: 1\ndata:\nretry: 100\n\n")
        request.event({"jsonrpc": "2.0", "id": request.message["id"], "result": result})
        request.end_stream()

    async with RawMcp("legacy", echo, refuses(-32601)) as peer:
        peer.script = script
        connection = await connect_http(tmp_path, peer)
        assert (connection.version, connection.instructions) == ("2025-03-26", "")
        assert peer.ended == ["streamed"]


async def test_a_probe_refused_for_its_own_version_is_asked_once_more(tmp_path: Path) -> None:
    async def on_probe(request: Request) -> None:
        if len(peer.requests) == 1:
            request.error(-32022, 400, {"supported": [MODERN, LEGACY]})
        else:
            await lists(MODERN)(request)

    async with RawMcp("modern", echo, on_probe) as peer:
        connection = await connect_http(tmp_path, peer)
        assert connection.era == "modern"
        assert methods(peer)[:2] == ["server/discover"] * 2


async def never(request: Request) -> None:
    pass


FAILING_PROBES = [
    (answers(401), "refused our credential", 1),
    (answers(403), "refused our credential", 1),
    (answers(500), "failed \\(500\\)", 1),
    (answers(503), "failed \\(503\\)", 1),
    (answers(302), "redirects elsewhere", 1),
    (refuses(-32022, data={"supported": ["2027-01-01"]}), "no revision of MCP", 1),
    (refuses(-32022, data={"supported": [MODERN]}), "no revision of MCP", 2),
    (never, "in time", 1),
]


@pytest.mark.parametrize(("on_probe", "words", "count"), FAILING_PROBES)
async def test_what_says_nothing_about_the_era_ends_the_attempt(
    tmp_path: Path, on_probe: Script, words: str, count: int
) -> None:
    async with RawMcp("legacy", echo, on_probe) as peer:
        with pytest.raises(UpstreamError, match=f"server 'web' .*{words}"):
            await connect_http(tmp_path, peer, timeout_s=0.1)
        assert methods(peer) == ["server/discover"] * count


def initializes(script: Script) -> Script:
    """Refuse the probe, then follow `script`."""

    async def both(request: Request) -> None:
        if request.message and request.message["method"] == "server/discover":
            request.answer(404)
        else:
            await script(request)

    return both


async def wrong_version(request: Request) -> None:
    request.result({"protocolVersion": "1999-01-01", "capabilities": {}, "serverInfo": {}})


async def modern_version(request: Request) -> None:
    request.result({"protocolVersion": MODERN, "capabilities": {}, "serverInfo": {}})


async def refusing_to_be_told(request: Request) -> None:
    if request.message["method"] == "initialize":
        request.result({"protocolVersion": LEGACY})
    else:
        request.answer(503)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (answers(200, b"<html>hello"), "not MCP"),
        (answers(404), "no MCP endpoint"),
        (answers(401), "refused our credential"),
        (answers(204), "without answering"),
        (refuses(-32603, 200), "refused to initialize \\(JSON-RPC error -32603\\)"),
        (wrong_version, "no revision of MCP"),
        (modern_version, "no revision of MCP"),
        (refusing_to_be_told, "failed \\(503\\)"),
    ],
)
async def test_a_server_that_speaks_no_mcp_over_http(
    tmp_path: Path, script: Script, words: str
) -> None:
    async with RawHttp(initializes(script)) as peer:
        with pytest.raises(UpstreamError, match=f"server 'web' .*{words}") as caught:
            await connect_http(tmp_path, peer)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("habits", "era", "starts"),
    [
        (("modern",), "modern", 1),
        (("dual",), "modern", 1),
        (("legacy",), "legacy", 1),
        (("legacy", "touchy"), "legacy", 2),
        (("legacy", "chatty"), "legacy", 1),
    ],
)
async def test_a_server_over_stdio(
    tmp_path: Path, habits: tuple[str, ...], era: str, starts: int
) -> None:
    filled_in = []

    def fill() -> list[tuple[str, str]]:
        filled_in.append(1)
        return []

    async with open_upstreams(tmp_path) as upstreams:
        connection = await upstreams.connect(echo_server(*habits), "f", fill)
        assert connection.era == era
        assert connection.version == (MODERN if era == "modern" else LEGACY)
        assert connection.instructions == "say something"
        assert bytes(connection.server_info["name"]) == b'"echo"'
        assert text_of(await call(connection, "echo", {"text": "hi"})) == "hi"
        # Secrets are opened for each start; a child that died of the probe was one.
        assert len(filled_in) >= starts


@pytest.mark.parametrize(
    ("habits", "era"),
    [(("legacy", "mute-probe"), "legacy"), (("dual", "slow-probe"), "modern")],
)
async def test_a_child_that_does_not_answer_the_probe_in_time(
    tmp_path: Path, habits: tuple[str, ...], era: str
) -> None:
    async with open_upstreams(tmp_path, start_timeout_s=0.5) as upstreams:
        connection = await upstreams.connect(echo_server(*habits), "f", nothing)
        assert connection.era == era
        assert text_of(await call(connection, "echo", {"text": "hi"})) == "hi"


@pytest.mark.parametrize(
    ("habits", "kind", "words"),
    [
        (("modern", "silent"), UpstreamTimeout, "did not answer as an MCP server in time"),
        (("modern", "silent", "chatty"), UpstreamError, "speaks no MCP"),
        (("modern", "broken"), UpstreamError, "exited with code 3: fatal: bad key \\*\\*\\*$"),
    ],
)
async def test_a_child_that_is_no_mcp_server(
    tmp_path: Path, habits: tuple[str, ...], kind: type[UpstreamError], words: str
) -> None:
    async with open_upstreams(tmp_path, start_timeout_s=0.3) as upstreams:
        with pytest.raises(UpstreamError, match=words) as caught:
            await upstreams.connect(echo_server(*habits), "f", filled(("CANARY", "s3cret")))
        assert type(caught.value) is kind
        assert caught.value.hint


SCRIPTED = """
import json, sys
answers = json.loads(sys.argv[1])
for line in sys.stdin:
    message = json.loads(line)
    answer = answers.get(message["method"])
    if answer:
        if isinstance(answer, list):
            answer = answer.pop(0)
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""


def too_new(*supported: str) -> dict[str, object]:
    data = {"supported": list(supported)}
    return {"error": {"code": -32022, "message": "no", "data": data}}


NOT_FOUND = {"error": {"code": -32601, "message": "no"}}


@pytest.mark.parametrize(
    ("probe", "begin", "words"),
    [
        (too_new("2027-01-01"), None, "no revision of MCP"),
        (too_new(MODERN), None, "no revision of MCP"),
        (NOT_FOUND, too_new("2027-01-01"), "no revision of MCP"),
        (NOT_FOUND, too_new(MODERN), "no revision of MCP"),
        (NOT_FOUND, NOT_FOUND, "refused to initialize \\(JSON-RPC error -32601\\)"),
        (NOT_FOUND, {"result": {"protocolVersion": "1999-01-01"}}, "no revision of MCP"),
        (NOT_FOUND, {"result": []}, "speaks no MCP"),
        ([too_new(MODERN), {"result": {"supportedVersions": [MODERN]}}], None, ""),
        ([NOT_FOUND, {"result": {"supportedVersions": [MODERN]}}], too_new(MODERN), ""),
    ],
)
async def test_the_answers_of_a_child_are_judged(
    tmp_path: Path, probe: object, begin: object, words: str
) -> None:
    answers = json.dumps({"server/discover": probe, "initialize": begin})
    launch = StdioLaunch((sys.executable, "-I", "-S", "-c", SCRIPTED, answers))
    server = Server("scripted", "w", "scripted", "s", launch, True, 0.0)
    async with open_upstreams(tmp_path) as upstreams:
        if words:
            with pytest.raises(UpstreamError, match=f"server 'scripted' .*{words}"):
                await upstreams.connect(server, "f", nothing)
        else:
            assert (await upstreams.connect(server, "f", nothing)).era == "modern"


async def test_a_cancelled_start_leaves_no_child(tmp_path: Path) -> None:
    async with open_upstreams(tmp_path) as upstreams:
        starting = asyncio.ensure_future(
            upstreams.connect(echo_server("modern", "silent"), "f", nothing)
        )
        await asyncio.sleep(0.1)
        await upstreams.close()
        with pytest.raises(UpstreamError, match="stopped"):
            await starting
