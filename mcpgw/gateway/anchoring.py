"""Keeps the chains of calls and administrative acts good to be verified: signed, and anchored."""

from mcpgw.gateway.ports import ActStore, AnchorNotes, Clock, Journal
from mcpgw.model.chain import Anchor


class Anchoring:
    """Notes the heads of both chains where who edits the databases cannot reach them."""

    def __init__(self, journal: Journal, acts: ActStore, notes: AnchorNotes, clock: Clock) -> None:
        self._journal = journal
        self._acts = acts
        self._notes = notes
        self._clock = clock
        self._noted: dict[str, Anchor] = {}
        """The last head of each chain."""

    async def sign_rest(self) -> None:
        """Sign what was done at the box without the key.

        Raises:
            StorageError: it cannot be read or written.
        """
        await self._acts.sign_rest()

    async def note(self) -> None:
        """Note the heads that are others than before.

        Raises:
            StorageError: they cannot be read, or a file cannot be written.
            UpstreamError: a webhook did not take one.
        """
        await self._journal.probe()
        for head in (await self._journal.head(), await self._acts.head()):
            if head is not None and head != self._noted.get(head.chain):
                await self._notes.note(str(head), self._clock.now())
                self._noted[head.chain] = head
