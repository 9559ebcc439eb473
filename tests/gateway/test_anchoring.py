"""Both chains are anchored, each head once."""

import pytest

from mcpgw.errors import UpstreamError
from mcpgw.gateway.anchoring import Anchoring
from tests.store.records import call_end
from tests.world import World


@pytest.fixture
def anchoring(world: World) -> Anchoring:
    return Anchoring(world.journal, world.acts, world.notes, world.clock)


def noted(world: World) -> list[str]:
    found = [note.split()[1] + " " + note.split()[2] for note, _ in world.notes.noted]
    world.notes.noted.clear()
    return found


async def test_every_head_is_noted_once(world: World, anchoring: Anchoring) -> None:
    await anchoring.note()
    assert noted(world) == ["acts-00 2"]  # the key and the workspace were made
    await world.journal.end(call_end())
    for _ in range(3):
        await anchoring.note()
    assert noted(world) == ["calls-00 1"]
    await world.server("git", log="x")
    await world.journal.end(call_end(2))
    await anchoring.note()
    assert noted(world) == ["calls-00 2", "acts-00 3"]


async def test_what_nobody_took_is_noted_later(world: World, anchoring: Anchoring) -> None:
    world.notes.is_broken = True
    with pytest.raises(UpstreamError):
        await anchoring.note()
    world.notes.is_broken = False
    await anchoring.note()
    assert noted(world) == ["acts-00 2"]


async def test_what_was_done_without_the_key_is_signed(world: World, anchoring: Anchoring) -> None:
    world.acts.unsigned = 2
    await anchoring.note()
    assert noted(world) == []
    await anchoring.sign_rest()
    await anchoring.note()
    assert noted(world) == ["acts-00 2"]
