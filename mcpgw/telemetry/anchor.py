"""Where anchors of the journal go: stderr, a file, a webhook. At least one should be elsewhere."""

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mcpgw.errors import GatewayError, StorageError, UpstreamError
from mcpgw.telemetry.webhook import post

logger = logging.getLogger(__name__)

STDERR, NOWHERE = "stderr", "none"


class Anchors:
    """Notes the heads of chains where who edits the database cannot reach them."""

    def __init__(self, destinations: Sequence[str]) -> None:
        self._destinations = [one for one in destinations if one != NOWHERE]
        # Whoever wants to read warnings only wants anchors all the same.
        logger.setLevel(logging.INFO)

    async def note(self, anchor: str, now: float) -> None:
        """Send an anchor to every destination.

        Raises:
            UpstreamError: a webhook did not take it; the others have it.
            StorageError: a file cannot be written; likewise.
        """
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
        failure: GatewayError | None = None
        for destination in self._destinations:
            try:
                await _send(destination, anchor, moment)
            except GatewayError as error:
                failure = error
        if failure is not None:
            raise failure


async def _send(destination: str, anchor: str, moment: str) -> None:
    if destination == STDERR:
        logger.info("%s", anchor)
    elif destination.startswith(("https://", "http://")):
        if not await post(destination, {"anchor": anchor, "time": moment}):
            raise UpstreamError("the webhook does not answer", "check the setting anchors")
    else:
        await asyncio.to_thread(_append, Path(destination), f"{moment} {anchor}\n")


def _append(path: Path, line: str) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(line)
    except OSError as error:
        raise StorageError(
            f"the anchor cannot be written to its file: {error.strerror}",
            "check the setting anchors",
        ) from None
