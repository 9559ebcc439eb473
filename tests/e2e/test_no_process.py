"""HTTP never makes a process, however it is asked to, with all the rights that a token can have.

The real server runs under a hook of its interpreter, and under strace where there is one. Commands
in all disguises would leave a file behind.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import PEERS, Box, Served
from tests.strace import strace

WANTED = 1000
"""Attempts at least; there are more."""

CALLS = "execve,execveat,fork,vfork,clone,clone3"
URL = "https://mcp.example.invalid/mcp"

VALUES = {
    "slug": "demo",
    "server": "shell",
    "secret": "KEY",
    "token": "tok_0123456789ab",
    "tool": "shell__run",
    "call": "call_0123456789abcdef012",
    "entry": "airbnb",
    "act": "act_000001",
}

BODIES: Mapping[str, dict[str, Any]] = {
    "workspace_set": {},
    "server_add": {"name": "fine", "url": URL},
    "server_switch": {"is_enabled": True},
    "secret_set": {"value": "x"},
    "token_issue": {"member": "m", "role": "developer"},
    "token_rotate": {},
    "member_offboard": {"member": "nobody"},
    "tool_rule": {"class": "read"},
    "catalog_add": {},
}
"""A body that would be taken, by operation."""


@dataclass(frozen=True)
class Trap:
    """What a command would leave behind, if one ran."""

    canary: Path

    @property
    def line(self) -> str:
        return f"touch {self.canary}"

    @property
    def words(self) -> Sequence[str]:
        return ["/bin/sh", "-c", self.line]

    def disguises(self) -> Iterator[dict[str, Any]]:
        """Return fields by which somebody might want to have a command run."""
        stdio = {"command": "/bin/sh", "args": ["-c", self.line], "env": {"PATH": "/bin"}}
        for name in ("command", "Command", "COMMAND", "cmd", "exec", "executable", "program"):
            yield {name: self.words}
            yield {name: self.line}
        for name in ("args", "argv", "arguments", "env", "environ", "cwd", "shell", "entrypoint"):
            yield {name: self.words}
        for name in ("stdio", "stdioLaunch", "StdioLaunch", "launch", "transport", "server"):
            yield {name: stdio}
            yield {name: {"stdio": stdio}}
        yield {"type": "stdio", **stdio}
        yield {"transport": "stdio", **stdio}
        yield {"mcpServers": {"fine": stdio}}
        yield {"mcp": {"servers": {"fine": stdio}}}
        yield {"context_servers": {"fine": {"source": "custom", **stdio}}}
        yield {"servers": [{"name": "fine", **stdio}]}
        yield {"launch": ["StdioLaunch", self.words]}
        yield {"launch": {"__class__": "StdioLaunch", "command": self.words}}
        yield {"package": {"registry": "npm", "name": "x", "runtimeHint": "sh"}}
        yield {"isApproved": True, "is_approved": True}
        yield {"is_private_allowed": True}
        yield {"command\u0000": self.words}
        yield {"\uff43ommand": self.words}
        yield {" command": self.words}

    def urls(self) -> Iterator[object]:
        """Return what is no URL of a server."""
        yield from (f"{scheme}:{self.line}" for scheme in ("stdio", "data", "exec", "sh", "npx"))
        yield from (
            f"{scheme}://{path}"
            for scheme in ("file", "FILE", "unix", "http+unix", "stdio", "ssh", "git+ssh", "fd")
            for path in ("/bin/sh", f"bin/sh?-c={self.line}")
        )
        yield from (f"`{self.line}`", f"$({self.line})", f"|{self.line}", f";{self.line}", "")
        yield from (f"https://$({self.line})/", f"https://x/\n{self.line}", "https://x/ -o y")
        yield from (self.words, {"command": self.words}, None, 5, True)
        yield {"href": URL, "command": self.words}

    def headers(self) -> Iterator[object]:
        """Return what are no headers of a server."""
        yield {"command": self.line}
        yield [{"command": self.words}]
        yield [{"name": "X", "value": self.words}]
        yield [{"name": "X", "value": "x", "command": self.words}]
        yield [{"name": "X\r\ncommand", "value": self.line}]
        yield [["command", self.line]]
        yield f"command: {self.line}"

    def other_kinds(self) -> Iterator[tuple[str, bytes]]:
        """Return bodies that are no JSON by their own word, by content type."""
        document = json.dumps({"name": "fine", "command": self.words}).encode()
        form = f"name=fine&command=/bin/sh&args=-c&args={self.line}&url={URL}".encode()
        part = b'--b\r\nContent-Disposition: form-data; name="command"\r\n\r\nsh\r\n--b--\r\n'
        upload = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="mcp.json"\r\n'
            b"Content-Type: application/json\r\n\r\n" + document + b"\r\n--b--\r\n"
        )
        yaml = b"!!python/object/apply:os.system ['" + self.line.encode() + b"']"
        yield "application/x-www-form-urlencoded", form
        yield "multipart/form-data; boundary=b", part
        yield "multipart/form-data; boundary=b", upload
        yield "application/xml", b"<server><command>sh</command></server>"
        yield "text/xml", b"<methodCall><methodName>system</methodName></methodCall>"
        yield "application/yaml", yaml
        yield "application/x-yaml", b"command: sh"
        yield "text/plain", document
        yield "application/json5", document
        yield "application/jsonc", document
        yield "application/toml", b'command = "sh"'
        yield "application/x-python-pickle", b"cos\nsystem\n(S'sh'\ntR."
        yield "application/octet-stream", document
        yield "application/x-sh", self.line.encode()


@dataclass
class Attacker:
    """An admin of the workspace, who tries."""

    http: aiohttp.ClientSession
    served: Served
    token: str
    attempts: int = 0

    async def send(self, operation: "Operation", **options: Any) -> tuple[int, str]:
        """Send a request, with whatever condition it needs."""
        self.attempts += 1
        headers = {
            "Authorization": f"Bearer {self.token}",
            "If-Match": "*",
            **options.pop("headers", {}),
        }
        async with self.http.request(
            operation.method, self.served.url + operation.path, headers=headers, **options
        ) as response:
            return response.status, await response.text()

    async def refused(self, operation: "Operation", **options: Any) -> None:
        """Send what must be refused as what it is: as none of the requests there are."""
        status, text = await self.send(operation, **options)
        assert status in (400, 403, 404, 415), (operation, options, status, text)
        assert json.loads(text)["type"].startswith("urn:mcpgw:error:")


@dataclass(frozen=True)
class Operation:
    """One operation of the API, as its document has it."""

    name: str
    method: str
    path: str

    @property
    def body(self) -> dict[str, Any] | None:
        """A body that would be taken, None where none is."""
        return BODIES.get(self.name)


def operations(document: Any) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found = Operation(operation["operationId"], method.upper(), path.format(**VALUES))
            assert ("requestBody" in operation) == (found.body is not None), found
            yield found


async def attack(served: Served, token: str, trap: Trap) -> int:
    """Try everything, and return how often."""
    async with aiohttp.ClientSession() as http:
        attacker = Attacker(http, served, token)
        async with http.get(f"{served.url}/api/v1/openapi.json") as response:
            known = list(operations(await response.json()))
        assert set(BODIES) == {one.name for one in known if one.body is not None}
        for operation in known:
            await disguised(attacker, operation, trap)
        add = next(one for one in known if one.name == "server_add")
        for url in trap.urls():
            await attacker.refused(add, json={"name": "fine", "url": url, "test": False})
        for headers in trap.headers():
            new = {"name": "fine", "url": URL, "headers": headers, "test": False}
            await attacker.refused(add, json=new)
        await still_as_before(attacker, known)
    return attacker.attempts


async def disguised(attacker: Attacker, operation: Operation, trap: Trap) -> None:
    for number, disguise in enumerate(trap.disguises()):
        query = {next(iter(disguise)): trap.line, "args": "-c"}
        if operation.body is not None:
            await attacker.refused(operation, json=operation.body | disguise)
            await attacker.refused(operation, json=[operation.body | disguise])
            nested = {name: {"": value, **disguise} for name, value in operation.body.items()}
            await attacker.refused(operation, json=nested | disguise)
        elif number % 2:
            await attacker.refused(operation, json=disguise)
        else:
            await attacker.refused(operation, params=query)
    for content_type, body in trap.other_kinds():
        await attacker.refused(operation, data=body, headers={"Content-Type": content_type})


async def still_as_before(attacker: Attacker, known: Sequence[Operation]) -> None:
    """Nothing was added, and what is there is as the operator left it."""
    by_name = {operation.name: operation for operation in known}
    for name in ("server_test", "server_remove"):
        status, _ = await attacker.send(by_name[name])
        assert status == 403
    status, text = await attacker.send(by_name["server_list"])
    assert status == 200
    (shell,) = json.loads(text)["items"]
    assert (shell["name"], shell["is_enabled"], shell["is_approved"]) == ("shell", False, True)


def with_hook(report: Path) -> Sequence[str]:
    return (sys.executable, str(PEERS / "hooked_mcpgw.py"), str(report))


def with_strace(report: Path) -> Sequence[str]:
    # -D: the tracer stands aside, so that the process we start is the server itself.
    tracer = [strace(), "-D", "-f", "-qq", "-o", str(report), "-e", f"trace={CALLS}"]
    return (*tracer, sys.executable, "-m", "mcpgw")


def made(report: Path) -> list[str]:
    """Return what made a process; a thread is none."""
    lines = report.read_text().splitlines() if report.exists() else []
    return [line for line in lines if "CLONE_THREAD" not in line and "resumed>" not in line]


@dataclass(frozen=True)
class Stage:
    """A box with a server that would run the trap: approved, and switched off."""

    box: Box
    trap: Trap
    token: str


@pytest.fixture(scope="module")
def stage(shared_box: Box) -> Stage:
    trap = Trap(shared_box.home / "canary")
    shared_box.run("server", "add", "shell", "--no-test", "--", *trap.words)
    shared_box.run("server", "disable", "shell")
    shared_box.run("server", "approve", "shell")
    return Stage(shared_box, trap, shared_box.token("admin"))


LOOKS = pytest.mark.parametrize("look", [with_hook, with_strace])
Look = Callable[[Path], Sequence[str]]


@LOOKS
async def test_nothing_that_an_admin_sends_makes_a_process(
    stage: Stage, look: Look, tmp_path: Path
) -> None:
    trap, report = stage.trap, tmp_path / "report"
    with stage.box.serving(command=look(report)) as served:
        before = made(report)
        attempts = await attack(served, stage.token, trap)
        after = made(report)
        assert after == before, after[len(before) :]
        assert not trap.canary.exists()
    assert attempts > WANTED
    assert not re.search("Traceback|internal error", (stage.box.home / "serve.log").read_text())


@LOOKS
async def test_the_look_out_sees_a_process(stage: Stage, look: Look, tmp_path: Path) -> None:
    """The one way: an admin switches on what the operator approved, and it is listed."""
    report = tmp_path / "report"
    with stage.box.serving(command=look(report)) as served:
        before = made(report)
        async with aiohttp.ClientSession() as http:
            admin = Attacker(http, served, stage.token)
            switch = Operation("server_switch", "PATCH", "/api/v1/workspaces/demo/servers/shell")
            tools = Operation("tool_list", "GET", "/api/v1/workspaces/demo/tools")
            assert (await admin.send(switch, json={"is_enabled": True}))[0] == 200
            assert (await admin.send(tools))[0] == 200
            assert (await admin.send(switch, json={"is_enabled": False}))[0] == 200
        assert len(made(report)) > len(before)
        assert stage.trap.canary.exists()
    stage.trap.canary.unlink()
