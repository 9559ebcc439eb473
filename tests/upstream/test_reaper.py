"""Nothing outlives its gateway, however the gateway ends."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from mcpgw.upstream.reaper import VARIABLE, Reaper
from tests.process import gone, is_running

ROOT = Path(__file__).parents[2]

GATEWAY = """
import asyncio, json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.live import call, echo_server, nothing, open_upstreams, text_of

async def main():
    async with open_upstreams(Path({directory!r})) as upstreams:
        pids = []
        for number in range(3):
            server = echo_server("modern", "deaf", name=f"deaf{{number}}")
            upstream = await upstreams.connect(server, "f", nothing)
            pids += json.loads(text_of(await call(upstream, "breed")))
        print(json.dumps(pids), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_is_left_of_a_gateway_that_is_killed(tmp_path: Path, number: int) -> None:
    script = GATEWAY.format(root=str(ROOT), directory=str(tmp_path))
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert gateway.stdout is not None
    pids = json.loads(await gateway.stdout.readline())
    # Of each child: itself, one of its group, and one that left the group.
    assert len(pids) == 9
    assert all(is_running(pid) for pid in pids)
    os.killpg(gateway.pid, number)  # The reaper has left that group too.
    await gateway.wait()
    await gone(*pids)


async def start(mark: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"),
        env={VARIABLE: mark},
        start_new_session=True,
    )


async def test_releasing_a_child_ends_what_it_left_behind() -> None:
    reaper = Reaper()
    mark, other_mark = reaper.new_mark(), reaper.new_mark()
    left, other = await start(mark), await start(other_mark)
    reaper.watch(2**22 + 1, mark)
    await reaper.release(2**22 + 1)
    await left.wait()
    assert is_running(other.pid)
    await reaper.release(2**22 + 1)
    await reaper.close()
    await other.wait()
    await reaper.close()


async def test_a_helper_that_died_is_replaced_and_told_everything() -> None:
    reaper = Reaper()
    mark = reaper.new_mark()
    child = await start("not the mark, so that only its group tells")
    reaper.watch(child.pid, mark)
    helper = reaper._helper
    assert helper is not None
    helper.kill()
    helper.wait()
    reaper.new_mark()
    assert reaper._helper is not helper
    await reaper.close()
    await child.wait()


async def test_without_children_there_is_no_helper() -> None:
    reaper = Reaper()
    await reaper.release(1)
    assert reaper._helper is None
    await reaper.close()
