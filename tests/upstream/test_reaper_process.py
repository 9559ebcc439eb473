"""What a gateway left behind is found and ended, and nothing else."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcpgw.upstream import reaper_process
from mcpgw.upstream.reaper_process import marked, sweep
from tests.process import gone, is_running, until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

NOBODY = 2**22 + 1
"""A number that no process can have."""

SLEEP = "import signal, time; signal.signal(15, 1); signal.signal(1, 1); time.sleep(60)"


class Litter:
    """Processes that outlive nothing."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, mark: str, script: str = SLEEP) -> int:
        environment = {"MCPGW_OWNER": mark, "OTHER": "x"} if mark else {}
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", script], env=environment, start_new_session=True
        )
        self.started.append(process)
        return process.pid


@pytest.fixture
def litter() -> Iterator[Litter]:
    made = Litter()
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def test_only_what_carries_the_mark_is_found(litter: Litter) -> None:
    mine, other, unmarked = litter.start("aa.1."), litter.start("aa.11."), litter.start("")
    while set(marked(b"MCPGW_OWNER=aa.")) != {mine, other}:
        pass  # A process has its environment a moment after it has a number.
    assert marked(b"MCPGW_OWNER=aa.1.") == [mine]
    assert marked(b"WNER=aa.1.") == []
    sweep(b"MCPGW_OWNER=aa.1.")
    assert not is_running(mine)
    assert is_running(other)
    assert is_running(unmarked)


def test_without_proc_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert marked(b"MCPGW_OWNER=aa.") == []


def test_what_ends_by_itself_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([[NOBODY], []])
    monkeypatch.setattr(reaper_process, "marked", lambda mark: next(found))
    sweep(b"any")


def test_what_cannot_be_ended_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper_process, "marked", lambda mark: [NOBODY])
    monkeypatch.setattr(reaper_process, "PAUSE_S", 0.0)
    sweep(b"any")


async def test_the_script_ends_groups_and_marked_ones_at_the_end_of_its_input(
    litter: Litter,
) -> None:
    listed, released, marked_one = litter.start(""), litter.start(""), litter.start("bb.1.")
    reaper = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", reaper_process.__file__, "MCPGW_OWNER=bb."),
        stdin=asyncio.subprocess.PIPE,
        env={},
    )
    assert reaper.stdin is not None
    reaper.stdin.write(b"+%d\n+%d\n-%d\n+%d\n" % (listed, released, released, NOBODY))
    await until(lambda: ignores(reaper.pid, SIGNALS))
    for number in SIGNALS:
        reaper.send_signal(number)
    reaper.stdin.close()
    assert await reaper.wait() == 0
    await gone(listed, marked_one)
    assert is_running(released)


def ignores(pid: int, numbers: tuple[int, ...]) -> bool:
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    mask = int(lines["SigIgn"], 16)
    return all(mask >> (number - 1) & 1 for number in numbers)
