import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bench.load import Load, Outcome, WrongAnswer, check, run_load
from bench.message import http_request, modern_body, modern_headers
from bench.reply import BIG_BYTES, reply
from bench.upstream_http import Upstream

NONCE = "nonce-@number@"


@asynccontextmanager
async def listening(protocol: Callable[[], asyncio.Protocol]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def load_of(port: int, tool: str = "", tool_count: int = 0, text_bytes: int = 0) -> Load:
    method = "tools/call" if tool else "tools/list"
    params = {"name": tool, "arguments": {"nonce": NONCE}} if tool else {}
    path = f"/tools/{tool_count or 2}/any"
    return Load(
        port=port,
        request=http_request(
            "localhost", path, modern_headers(method, params), modern_body(method, params)
        ),
        connections=2,
        warm_s=0.01,
        measured_s=0.05,
        text_bytes=text_bytes,
        tool_count=tool_count,
    )


@pytest.mark.parametrize(
    ("tool", "tool_count", "text_bytes"),
    [("echo", 0, 0), ("big", 0, BIG_BYTES), ("", 300, 0)],
)
async def test_right_answers_are_counted(tool: str, tool_count: int, text_bytes: int) -> None:
    async with listening(Upstream) as port:
        outcome: Outcome = await run_load(load_of(port, tool, tool_count, text_bytes))
    assert 0 < outcome.calls <= outcome.all_calls
    assert 0 < outcome.p50_ms <= outcome.p99_ms


class Broken(asyncio.Protocol):
    """Says the same to everybody."""

    said = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(self.said)
        if not self.said:
            self.transport.close()


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (b"", "closed a connection"),
        (http(b"{}", b"500 Oops"), "no plain answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "no plain answer"),
        (http(b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'), "answered with id 1"),
    ],
)
async def test_a_wrong_answer_ends_the_run(said: bytes, complaint: str) -> None:
    answering = type("Answering", (Broken,), {"said": said})
    async with listening(answering) as port:
        with pytest.raises(WrongAnswer, match=complaint):
            await run_load(load_of(port, "echo"))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"id":7,"error":{"code":-32603,"message":"no"}}', "no result"),
        (b'{"id":8,"result":{"content":[{"type":"text","text":"nonce-7"}]}}', "answered with id 8"),
        (b'{"id":7,"result":{"content":[{"type":"text","text":"nonce-6"}]}}', "did not come back"),
        (b'{"id":7,"result":{"content":[]}}', "did not come back"),
    ],
)
def test_an_answer_must_carry_its_id_and_nonce(body: bytes, complaint: str) -> None:
    load = load_of(1, "echo")
    check(load, 7, b'{"id":7,"result":{"content":[{"type":"text","text":"nonce-7"}]}}')
    with pytest.raises(WrongAnswer, match=complaint):
        check(load, 7, body)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"messages":[]}', "no message"),
        (b'{"error":"invalid"}', "no message"),
        (b'{"messages":[{"tool_call_id":"call-8","content":"nonce-7"}]}', "answered as call-8"),
        (b'{"messages":[{"tool_call_id":"call-7","content":"nonce-8"}]}', "did not come back"),
    ],
)
def test_a_message_must_answer_its_call(body: bytes, complaint: str) -> None:
    load = load_of(1, "echo")
    load.is_function = True
    check(load, 7, b'{"messages":[{"tool_call_id":"call-7","content":"nonce-7"}],"results":[]}')
    with pytest.raises(WrongAnswer, match=complaint):
        check(load, 7, body)


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "b"]])
def test_a_list_must_be_whole(names: list[str]) -> None:
    tools = ",".join(f'{{"name":"{name}"}}' for name in names)
    with pytest.raises(WrongAnswer, match="2 tools wanted"):
        check(load_of(1, "", 2), 7, f'{{"id":7,"result":{{"tools":[{tools}]}}}}'.encode())


def test_a_big_result_must_have_its_size() -> None:
    _, body = reply(modern_body("tools/call", {"name": "echo"}).replace(b"@number@", b"7"), 2)
    with pytest.raises(WrongAnswer, match="did not come back"):
        check(load_of(1, "big", text_bytes=BIG_BYTES), 7, body)
