"""What npm is answered, and the bridge that is in it."""

import io
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

from mcpgw import __version__
from mcpgw.config import base_environment
from mcpgw.web.npx import FOLDER, tarball
from tests.web.conftest import Client

NPM = {"pacote-req-type": "tarball", "Authorization": ""}
TOKEN = "bridge-canary"
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN}}


async def ask(client: Client, path: str, **headers: str) -> tuple[int, bytes, str]:
    async with client.http.get(client.url + path, headers=NPM | headers) as response:
        return response.status, await response.read(), response.headers["Content-Type"]


async def test_npm_gets_the_same_for_every_workspace(client: Client) -> None:
    answers = [await ask(client, path) for path in ("/ws/demo", "/ws/nowhere", "/ws/demo/mcp")]
    assert answers == [(200, tarball(), "application/octet-stream")] * 3


async def test_nobody_else_gets_it(client: Client) -> None:
    for kind in ("manifest", ""):
        status, body, _ = await ask(client, "/ws/demo", **{"pacote-req-type": kind})
        assert status == 401
        assert b"bridge" not in body
    status, _, _ = await ask(client, "/ws/demo/sse")
    assert status == 401


async def test_a_host_that_is_not_ours_gets_nothing(client: Client) -> None:
    status, body, _ = await ask(client, "/ws/demo", Host="evil.example")
    assert (status, b"package" in body) == (403, False)


def test_the_package() -> None:
    with tarfile.open(fileobj=io.BytesIO(tarball()), mode="r:gz") as archive:
        entries = archive.getmembers()
        manifest = json.load(archive.extractfile("package/package.json"))  # type: ignore[arg-type]
    assert {entry.name for entry in entries} == {
        "package/package.json",
        *(f"package/{path.name}" for path in FOLDER.glob("*.mjs")),
    }
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries} == {
        (0, 0, 0, "")
    }
    assert manifest["version"] == __version__
    assert manifest["bin"] == {"mcpgw-bridge": "bridge.mjs"}
    assert not {"dependencies", "scripts"} & set(manifest), "nothing is fetched or run by npm"


def test_the_same_bytes_every_time() -> None:
    first = tarball()
    tarball.cache_clear()
    assert tarball() == first
    assert len(first) < 200_000


@contextmanager
def bridge(
    *arguments: str, folder: Path = FOLDER, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator["subprocess.Popen[str]"]:
    environment = base_environment() | {"MCPGW_TOKEN": TOKEN, **more}
    with subprocess.Popen(
        ["node", str(folder / "bridge.mjs"), *arguments],
        env={name: value for name, value in environment.items() if value},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def ended(*arguments: str, **more: str) -> tuple[int, str, str]:
    with bridge(*arguments, more=more) as process:
        out, err = process.communicate("", timeout=30)
    assert TOKEN not in out + err
    return process.returncode, out, err


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://h/ws/a",
        "https://gateway.example",
        "https://user:pw@gateway.example/ws/a",
        "https://gateway.example/ws/a?token=x",
        "https://gateway.example/ws/a#x",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    code, out, err = ended(*([url] if url else []))
    assert (code, out) == (2, "")
    assert err.startswith("error: the workspace's URL is missing")
    assert "hint: npx -y https://gateway.example.com/ws/team" in err


def test_a_token_that_is_none() -> None:
    for token in ("", "two words", "t\u00f6ken"):
        code, out, err = ended("http://127.0.0.1:9/ws/a", MCPGW_TOKEN=token)
        assert (code, out) == (4, "")
        assert "MCPGW_TOKEN is not set" in err


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [("http://127.0.0.1:9/ws/a", False), ("http://[::1]:9/ws/a", False),
     ("https://h.example/ws/a", False), ("http://h.example/ws/a", True)],
)  # fmt: skip
def test_a_token_that_anybody_can_read_on_its_way(url: str, is_warned: bool) -> None:
    code, out, err = ended(url)
    assert (code, out) == (0, "")
    assert ("WARNING" in err) == is_warned


def installed(where: Path, source: str, *, is_locked: bool) -> Path:
    """Lay the package out as npm does."""
    folder = where / "node_modules" / "mcpgw-bridge"
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(tarball()), mode="r:gz") as archive:
        for entry in archive.getmembers():
            content = archive.extractfile(entry)
            assert content is not None
            (folder / entry.name.removeprefix("package/")).write_bytes(content.read())
    (where / "package.json").write_text(json.dumps({"dependencies": {"mcpgw-bridge": source}}))
    if is_locked:
        lock = {"packages": {"node_modules/mcpgw-bridge": {"resolved": source}}}
        (where / "node_modules" / ".package-lock.json").write_text(json.dumps(lock))
    return folder


@pytest.mark.parametrize("is_locked", [True, False])
def test_it_goes_where_it_came_from(tmp_path: Path, is_locked: bool) -> None:
    folder = installed(tmp_path, "http://127.0.0.1:9/ws/mine", is_locked=is_locked)
    other = {"MCPGW_URL": "http://127.0.0.1:9/ws/other"}
    with bridge(folder=folder, more=other) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps(LISTING) + "\n")
        process.stdin.flush()
        lost = process.stderr.readline()
    assert lost == "mcpgw bridge: the gateway at http://127.0.0.1:9/ws/mine cannot be reached\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    with bridge("http://127.0.0.1:9/ws/a") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("nonsense\n")
        process.stdin.flush()
        assert "-32700" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == 0


def test_a_client_that_reads_no_more_has_ended() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        ["node", str(FOLDER / "bridge.mjs"), "http://127.0.0.1:9/ws/a"],
        env=base_environment() | {"MCPGW_TOKEN": TOKEN},
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    assert process.stdin is not None
    process.stdin.write(b"nonsense\n")
    process.stdin.flush()
    assert process.wait(30) == 0
    process.stdin.close()
