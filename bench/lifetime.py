"""The end of a helper process: when whoever started it goes away, however, its stdin ends."""

import asyncio
import sys


async def stdin_ends() -> None:
    """Wait until stdin is closed from the other side."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
