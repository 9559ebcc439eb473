"""The first run, as a process of its own each time."""

import re
import signal
import socket
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcpgw.cli.first_run import call_tool, example_path, installed_example
from mcpgw.errors import NotFound, UpstreamError
from mcpgw.model.token import TOKEN_PATTERN
from tests.cli.conftest import ROOT, Cli, Done


def once(bare: Cli) -> Done:
    return bare.finish("quickstart", "--once", "--port", "0")


def test_the_first_run_and_the_second(bare: Cli) -> None:
    first = once(bare)
    assert "Hello you, this came through mcpgw." in first.out
    assert re.search(r"^call_\S+  \S+  you  +greeter__greet  ok ", first.out, re.M)
    for client in ("Claude Code", "Cursor", "VS Code", "Codex"):
        assert f"\n{client} (" in first.out
    (token,) = re.findall(TOKEN_PATTERN, first.out)
    assert token not in first.err

    again = once(bare)
    (other,) = re.findall(TOKEN_PATTERN, again.out)
    assert other != token
    assert [one["name"] for one in bare.json("server", "list")] == ["greeter"]
    assert [one["state"] for one in bare.json("token", "list")] == ["revoked", "active"]
    assert len(bare.json("logs", "--only", "calls")) == 2


def test_what_a_run_before_left_elsewhere_is_replaced(cli: Cli) -> None:
    cli("workspace", "create", "demo")
    elsewhere = ("--no-test", "-w", "demo", "--", "/nowhere/greeter.py")
    cli("server", "add", "other", *elsewhere)
    cli("server", "add", "greeter", *elsewhere)
    once(cli)
    servers = cli.json("server", "list", "-w", "demo")
    assert [one["name"] for one in servers] == ["other", "greeter"]
    assert servers[1]["command"][-1] == str(ROOT / "examples/greeter.py")


def test_serving_on_at_the_next_free_port(bare: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # What is set for a gateway on a network does not matter here.
        settings = {"MCPGW_PORT": str(port), "MCPGW_TLS_CERT": "/nowhere", "MCPGW_HOST": "x"}
        with bare.process("quickstart", env=bare.environment | settings) as run:
            assert run.stderr is not None
            lines = iter(run.stderr.readline, b"")
            said = next(line for line in lines if b"is taken" in line)
            assert said == f"port {port} is taken; trying the next\n".encode()
            assert any(line.startswith(b"serving until Ctrl-C") for line in lines)
            assert bare.json("status")["serving"]["pid"] == run.pid
            run.send_signal(signal.SIGINT)
            assert run.wait(30) == 0


def test_the_example_of_a_checkout() -> None:
    assert example_path() == ROOT / "examples/greeter.py"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site-packages directory that says that mcpgw-server is installed in it."""
    site = tmp_path / "lib/site-packages"
    (site / "mcpgw_server-0.1.0.dist-info").mkdir(parents=True)
    about = site / "mcpgw_server-0.1.0.dist-info"
    (about / "METADATA").write_text("Name: mcpgw-server\nVersion: 0.1.0\n")
    (about / "RECORD").write_text("mcpgw/cli/__init__.py,,\n../../share/mcpgw/greeter.py,,\n")
    monkeypatch.syspath_prepend(str(site))
    return tmp_path


def test_the_example_of_a_wheel(installed: Path) -> None:
    with pytest.raises(NotFound, match="is not installed"):
        installed_example()
    path = installed / "share/mcpgw/greeter.py"
    path.parent.mkdir(parents=True)
    path.touch()
    assert installed_example() == path


def test_the_example_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(NotFound):
        installed_example()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"result": {"isError": true, "content": [{"text": "it broke"}]}}', "it broke"),
        (b'{"error": {"code": 1, "message": "x"}}', "did not answer"),
        (b"not json", "did not answer"),
    ],
)
async def test_a_call_that_fails(body: bytes, message: str) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body)

    async with TestServer(web.Application()) as unused:
        closed = str(unused.make_url("/"))
    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server:
        with pytest.raises(UpstreamError, match=message):
            await call_tool(str(server.make_url("/")), "t", "x", {})
    with pytest.raises(UpstreamError, match="did not answer"):
        await call_tool(closed, "t", "x", {})
