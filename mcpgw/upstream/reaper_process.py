"""Ends what a gateway left behind: run as a script by `reaper.py`, never imported for its `main`.

It reads `+pid` and `-pid` lines until its input ends, which is when the gateway is gone, however it
died. Then it kills each process group still on the list and every process that carries the
gateway's mark in its environment, which finds those that left their group (Linux only).
Imports next to nothing: it is there for the whole life of the gateway.
"""

import os
import signal
import sys
import time

PASSES = 50
"""How often to look again: a process may fork while it is looked for."""

PAUSE_S = 0.02


def marked(mark: bytes) -> list[int]:
    """Return the processes whose environment has an entry that begins with `mark`."""
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    environment = b"\0" + file.read()
            except OSError:
                continue
            if b"\0" + mark in environment:
                found.append(int(name))
    return found


def sweep(mark: bytes) -> None:
    """Kill every process that carries `mark`, until none is left."""
    for _ in range(PASSES):
        pids = marked(mark)
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(PAUSE_S)


def main(mark: bytes) -> None:
    """Keep the list, wait for the end, clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        pid = int(line[1:])
        if line.startswith(b"+"):
            groups.add(pid)
        else:
            groups.discard(pid)
    for pid in groups:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    sweep(mark)


if __name__ == "__main__":
    main(sys.argv[1].encode())
