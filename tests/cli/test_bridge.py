"""`mcpgw bridge`: where it goes to, and with which token."""

import asyncio
import json
import subprocess
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from mcpgw.cli import bridge as module
from mcpgw.cli.bridge import check_url
from mcpgw.cli.bridging import running
from mcpgw.errors import InvalidInput
from tests.cli.bridging.gateway import TOKEN, modern, serving
from tests.cli.conftest import PEER, Cli
from tests.cli.terminal import read_until
from tests.cli.test_serving import serving as serve

URL = "https://gateway.example.com/ws/team"


class MemoryKeyring(KeyringBackend):
    priority = 0.1

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password


@pytest.fixture
def passwords(no_keyring: None) -> dict[tuple[str, str], str]:
    """What the machine's keyring holds."""
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    return backend.passwords


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What bridges were run with; none is run."""
    calls: list[tuple[Any, ...]] = []

    async def run_bridge(*arguments: object) -> None:
        calls.append(arguments)

    monkeypatch.setattr(running, "run_bridge", run_bridge)
    monkeypatch.setattr(module, "harden", lambda: None)
    return calls


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, URL),
        (URL + "/", URL),
        ("http://127.0.0.1:8080/ws/a", "http://127.0.0.1:8080/ws/a"),
        ("http://[::1]:8080/ws/a", "http://[::1]:8080/ws/a"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    assert check_url(url) == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("gateway.example.com/ws/team", "no http"),
        ("ftp://example.com/ws/team", "no http"),
        ("unix:///ws/team", "no http"),
        ("http:///ws/team", "no http"),
        ("http://example.com:0/ws/team", "no http"),
        ("http://example.com:99999/ws/team", "cannot be parsed"),
        ("http://[::1/ws/team", "cannot be parsed"),
        ("http://a..b/ws/team", "cannot be parsed"),
        (f"http://{'x' * 64}.example/ws/team", "cannot be parsed"),
        ("https://ana:s3cret@example.com/ws/team", "credential"),
        ("https://@example.com/ws/team", "credential"),
        ("https://example.com/ws/team?token=s3cret", "credential"),
        ("https://example.com/ws/team#s3cret", "credential"),
        ("https://example.com", "no path"),
        ("https://example.com/", "no path"),
        ("https://example.com/ws/a b", "cannot stand there"),
        ("https://example.com/ws/\u00e9", "cannot stand there"),
    ],
)
def test_what_is_no_url_of_a_workspace(url: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        check_url(url)
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_token_comes_from_the_environment(
    bare: Cli, ran: list[tuple[Any, ...]], passwords: dict[tuple[str, str], str]
) -> None:
    passwords["mcpgw", URL] = "from-keyring"
    bare.monkeypatch.setenv("MCPGW_TOKEN", f" {TOKEN}\n")
    bare.monkeypatch.setenv("MCPGW_MAX_MESSAGE", "1000")
    done = bare("bridge", "--url", f"{URL}/")
    assert ran == [(URL, TOKEN, 1000)]
    assert (done.out, done.err) == ("", "")


def test_else_from_the_keyring_where_the_command_put_it(
    bare: Cli, ran: list[tuple[Any, ...]], passwords: dict[tuple[str, str], str]
) -> None:
    saved = bare("bridge", "--url", f"{URL}/", "--save-token", given=f"{TOKEN}\n".encode())
    assert passwords == {("mcpgw", URL): TOKEN}
    assert saved.out == ""
    assert URL in saved.err
    bare.monkeypatch.setenv("MCPGW_URL", URL)
    bare("bridge")
    bare("bridge", "--save-token", typed="second\n")
    bare("bridge")
    assert [token for _, token, _ in ran] == [TOKEN, "second"]
    assert TOKEN not in "".join(bare.printed)
    assert "second" not in "".join(bare.printed)


def test_a_token_that_is_nowhere(
    bare: Cli, ran: list[tuple[Any, ...]], passwords: dict[tuple[str, str], str]
) -> None:
    complaint = bare.refused(4, "bridge", "--url", URL)
    assert "MCPGW_TOKEN is not set, and the OS keyring has none" in complaint
    assert f"mcpgw bridge --url {URL} --save-token" in complaint
    assert "the token is empty" in bare.refused(4, "bridge", "--url", URL, "--save-token")
    assert ran == []


def test_a_machine_without_a_keyring(bare: Cli, ran: list[tuple[Any, ...]]) -> None:
    assert "the OS keyring is not usable" in bare.refused(4, "bridge", "--url", URL)
    complaint = bare.refused(78, "bridge", "--url", URL, "--save-token", given=b"x")
    assert "the OS keyring is not usable" in complaint
    assert "MCPGW_TOKEN" in complaint
    assert ran == []


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [
        (URL, False),
        ("http://localhost:1/ws/a", False),
        ("http://[::1]:1/ws/a", False),
        ("http://10.0.0.7:8080/ws/a", True),
    ],
)
def test_a_token_that_anybody_can_read_on_its_way(
    bare: Cli, ran: list[tuple[Any, ...]], url: str, is_warned: bool
) -> None:
    bare.monkeypatch.setenv("MCPGW_TOKEN", TOKEN)
    assert bare("bridge", "--url", url).err.startswith("WARNING") == is_warned
    assert len(ran) == 1


def test_without_a_url_it_needs_a_running_gateway(cli: Cli, ran: list[tuple[Any, ...]]) -> None:
    complaint = cli.refused(3, "bridge")
    assert "no gateway serves" in complaint
    assert "--url or MCPGW_URL" in complaint
    assert ran == []


def test_without_a_url_it_goes_to_the_gateway_of_the_data_directory(
    cli: Cli, ran: list[tuple[Any, ...]]
) -> None:
    cli("server", "add", "echo", "--no-test", "--", *PEER)
    token = cli.json("token", "issue", "--member", "ana")["token"]
    cli.monkeypatch.setenv("MCPGW_TOKEN", token)
    with serve(cli) as (_, url, _):
        cli("bridge")
        cli.refused(3, "bridge", "-w", "nowhere")
        assert [target for target, *_ in ran] == [f"{url}/ws/default"]
        environment = cli.environment | {"MCPGW_TOKEN": token}
        with cli.process("bridge", stdin=subprocess.PIPE, env=environment) as process:
            listing = json.dumps(modern(1, "tools/list")).encode() + b"\n"
            out, err = process.communicate(listing, timeout=60)
    assert "echo__echo" in {tool["name"] for tool in json.loads(out)["result"]["tools"]}
    assert (process.returncode, err) == (0, b"")


async def test_nothing_says_the_token(bare: Cli) -> None:
    """Neither the arguments nor what is printed, though the gateway goes away."""
    environment = bare.environment | {"MCPGW_TOKEN": TOKEN}
    async with serving() as gateway:
        with bare.process(
            "bridge", "--url", gateway.url, "--debug", stdin=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            await gateway.stop()
            process.stdin.write(json.dumps(modern(1, "ask")).encode() + b"\n")
            process.stdin.flush()
            lost = await asyncio.to_thread(read_until, process.stderr.fileno(), b"\n")
            await gateway.start()
            out, err = await asyncio.to_thread(process.communicate, timeout=30)
    assert json.loads(out)["id"] == 1
    assert b"cannot be reached" in lost
    assert err == b"mcpgw bridge: the gateway is back\n"
    assert TOKEN.encode() not in lost + err + repr(process.args).encode()
