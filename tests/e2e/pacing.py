"""Asking the real command at a pace, from a process of its own (peers/pacer.py)."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

from tests.e2e.conftest import PEERS, Served


def request(message: object, headers: Mapping[str, str]) -> bytes:
    """Return a whole POST to the workspace."""
    body = json.dumps(message).encode()
    lines = {
        "Host": "localhost",
        "Content-Type": "application/json",
        **headers,
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /ws/demo HTTP/1.1\r\n{head}\r\n".encode() + body


async def pace(
    served: Served, asked: bytes, connections: int, per_second: float, seconds: float
) -> dict[str, Any]:
    """Send that request at a pace, and return how it went."""
    port = served.url.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PEERS / "pacer.py"), "127.0.0.1", port),
        *(str(connections), str(per_second), str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(asked), seconds + 90)
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found
