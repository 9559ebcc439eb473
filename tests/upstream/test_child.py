"""A child process: started with nothing but what it was given, heard, and ended whole."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.protocol.line import TooLong
from mcpgw.upstream import child as child_module
from mcpgw.upstream.child import STDERR_BYTES, Child, Program, start_child
from tests.process import gone, is_running

PYTHON = (sys.executable, "-I", "-S", "-u", "-c")


class Heard:
    """What a child said, and whether it ended."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes | TooLong] = asyncio.Queue()
        self.ended = asyncio.Event()


@asynccontextmanager
async def running(
    script: str, tmp_path: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Child, Heard]]:
    heard = Heard()
    program = Program((*PYTHON, script), env or {}, str(tmp_path))
    child = Child(1000, heard.lines.put_nowait, heard.ended.set)
    await start_child("echo", program, child)
    try:
        yield child, heard
    finally:
        await child.stop()
        assert not is_running(child.pid)


async def test_lines_go_in_and_come_out(tmp_path: Path) -> None:
    script = "import sys\nfor line in sys.stdin: print(line.strip()[::-1])"
    async with running(script, tmp_path) as (child, heard):
        child.post(b"abc")
        child.post(b"def")
        assert [await heard.lines.get(), await heard.lines.get()] == [b"cba", b"fed"]
        child.post(b"x" * 2000)
        assert isinstance(await heard.lines.get(), TooLong)


async def test_it_sees_its_own_environment_and_directory_only(tmp_path: Path) -> None:
    script = "import os, json; print(json.dumps([dict(os.environ), os.getcwd(), os.getsid(0)]))"
    async with running(script, tmp_path, {"ONLY": "this"}) as (child, heard):
        line = await heard.lines.get()
        assert isinstance(line, bytes)
        environment, directory, session = json.loads(line)
        assert environment.pop("LC_CTYPE", "C.UTF-8")  # Python sets that for itself.
        assert environment == {"ONLY": "this"}
        assert (directory, session) == (str(tmp_path), child.pid)


async def test_what_it_said_before_it_ended_is_heard(tmp_path: Path) -> None:
    async with running("print('last'); import os; os._exit(3)", tmp_path) as (child, heard):
        await heard.ended.wait()
        assert heard.lines.get_nowait() == b"last"
        assert (child.exit_code, child.is_running) == (3, False)
        child.post(b"ignored")


STUBBORN = """
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
print("ready")
while True: time.sleep(1)
"""


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [
        ("import sys; print('ready'); sys.stdin.read()", 0),
        ("import time; print('ready'); time.sleep(60)", -15),
        (STUBBORN, -9),
    ],
    ids=["ends at EOF", "ends at SIGTERM", "ends at SIGKILL"],
)
async def test_it_is_ended_by_degrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, exit_code: int
) -> None:
    if exit_code:
        monkeypatch.setattr(child_module, "GRACE_S", 0.1)
    async with running(script, tmp_path) as (child, heard):
        await heard.lines.get()
        await asyncio.gather(child.stop(), child.stop())
        assert child.exit_code == exit_code


BREEDING = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]).pid)
{}
"""


@pytest.mark.parametrize("ending", ["sys.exit()", "sys.stdin.read()"])
async def test_its_own_children_end_with_it(tmp_path: Path, ending: str) -> None:
    async with running(BREEDING.format(ending), tmp_path) as (child, heard):
        line = await heard.lines.get()
        assert isinstance(line, bytes)
        if "stdin" in ending:
            await child.stop()
        await gone(int(line))


async def test_pipes_that_somebody_else_holds_are_let_go(tmp_path: Path) -> None:
    script = BREEDING.replace('time.sleep(60)"]', 'time.sleep(5)"], start_new_session=True')
    async with running(script.format("sys.exit()"), tmp_path) as (child, heard):
        await heard.ended.wait()
        assert child.exit_code == 0


@pytest.mark.asyncio(loop_factories=["asyncio"])  # Children of uvloop hold copies of their pipes.
@pytest.mark.parametrize("closing", ["os.close(1)", "os.close(0)"])
async def test_without_its_pipes_it_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: str
) -> None:
    monkeypatch.setattr(child_module, "GRACE_S", 0.1)
    script = f"import os, time; {closing}; time.sleep(60)"
    async with running(script, tmp_path) as (child, heard):
        child.post(b"are you there?")
        await heard.ended.wait()
        assert child.exit_code == -9


async def test_a_child_that_does_not_read_holds_its_writer_up(tmp_path: Path) -> None:
    script = "import sys, time; time.sleep(0.3); print(len(sys.stdin.readline()))"
    async with running(script, tmp_path) as (child, heard):
        before = child.is_writable
        child.post(b"x" * 5_000_000)
        await asyncio.sleep(0.05)
        assert (before, child.is_writable) == (True, False)
        await child.writable()
        assert await heard.lines.get() == b"5000001"


async def test_a_writer_is_let_go_when_the_child_ends(tmp_path: Path) -> None:
    async with running("import time; time.sleep(0.2)", tmp_path) as (child, _):
        child.post(b"x" * 5_000_000)
        await asyncio.sleep(0.05)
        await child.writable()
        assert not child.is_running


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", ""),
        ("print('one', file=sys.stderr); print('two\\n \\n', file=sys.stderr)", "two"),
        ("print('key s3cret-value, part s3cret', file=sys.stderr)", "key ***, part ***"),
        ("print('a\\x1b[31mb\\tc', file=sys.stderr)", "a [31mb c"),
        ("print('x' * 500, file=sys.stderr)", "x" * 200),
        (f"print('x' * {STDERR_BYTES * 2}, file=sys.stderr)", ""),
        (f"print('x' * {STDERR_BYTES * 2} + '\\nend', file=sys.stderr)", "end"),
        ("sys.stderr.buffer.write(b'\\xff\\xfe')", "\ufffd\ufffd"),
    ],
)
async def test_its_last_words_are_kept_without_secrets(
    tmp_path: Path, script: str, words: str
) -> None:
    async with running(f"import sys; {script}", tmp_path) as (child, heard):
        await heard.ended.wait()
        assert child.last_words(["s3cret", "s3cret-value"]) == words


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("no-such-command-here",), "command not found: no-such-command-here"),
        (("./no-such-file",), "command not found: ./no-such-file"),
        (("/etc/passwd",), "command not found: /etc/passwd"),
        (("./directory",), "command not found"),
        (("./not-a-program",), "cannot be executed"),
        (("./program",), ""),
        (("program",), "command not found"),
    ],
)
async def test_the_command_is_found_as_the_child_would(
    tmp_path: Path, command: tuple[str, ...], words: str
) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "not-a-program").write_text("#!/no/such/interpreter\n")
    (tmp_path / "program").write_text("#!/bin/sh\nexit 0\n")
    for name in ("not-a-program", "program"):
        (tmp_path / name).chmod(0o755)
    heard = Heard()
    program = Program(command, {"PATH": "/bin:/usr/bin"}, str(tmp_path))
    child = Child(1000, heard.lines.put_nowait, heard.ended.set)
    starting = start_child("echo", program, child)
    if words:
        with pytest.raises(UpstreamError, match=f"server 'echo' cannot start: .*{words}") as caught:
            await starting
        assert caught.value.hint
    else:
        await starting
        await child.stop()


async def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    heard = Heard()
    child = Child(1000, heard.lines.put_nowait, heard.ended.set)
    program = Program((sys.executable,), {}, str(tmp_path / "missing"))
    with pytest.raises(UpstreamError, match="cannot start") as caught:
        await start_child("echo", program, child)
    assert "directory" in caught.value.hint
    assert str(tmp_path) not in caught.value.message
