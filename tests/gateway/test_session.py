"""Sessions: sealed, bound to their token, ended for good."""

import pytest

from mcpgw.errors import NotFound
from mcpgw.gateway import session as module
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.session import Sessions
from mcpgw.model.token import OPERATOR, Role
from mcpgw.protocol.legacy import SessionStart
from tests.world import World

START = SessionStart("2025-11-25", "claude", "1", b'{"roots":{}}')


async def test_a_session_is_what_was_agreed_on(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    assert session_id.isascii()
    session = world.sessions.resume(admission, session_id)
    assert (session.version, session.client_name, session.capabilities) == (
        "2025-11-25",
        "claude",
        '{"roots":{}}',
    )


async def test_it_outlives_the_process(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    after = Sessions(Keys(world.vault), world.vault, world.clock)
    assert after.resume(admission, session_id).client_name == "claude"


async def test_to_anybody_else_it_does_not_exist(world: World) -> None:
    session_id = await world.sessions.start(await world.admission(), START)
    other = await world.admission(Role.ADMIN, "bob")
    await world.gateway.workspaces.create(OPERATOR, "other")
    elsewhere = await world.admission(Role.ADMIN, "ana", "other")
    for admission in (other, elsewhere):
        with pytest.raises(NotFound):
            world.sessions.resume(admission, session_id)


@pytest.mark.parametrize("session_id", ["", "nonsense", "é", "A" * 7000, "AAAA"])
async def test_what_we_did_not_make_is_unknown(world: World, session_id: str) -> None:
    with pytest.raises(NotFound):
        world.sessions.resume(await world.admission(), session_id)


async def test_ended_stays_ended(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    world.sessions.end(admission, session_id)
    for attempt in (world.sessions.resume, world.sessions.end):
        with pytest.raises(NotFound):
            attempt(admission, session_id)


async def test_a_client_with_endless_capabilities_goes_on_without_them(world: World) -> None:
    admission = await world.admission()
    capabilities = b'{"experimental":{"x":"%s"}}' % (b"y" * 6000)
    long = SessionStart("2025-11-25", "c", "1", capabilities)
    session_id = await world.sessions.start(admission, long)
    assert len(session_id) <= module.MAX_ID_CHARACTERS
    assert world.sessions.resume(admission, session_id).capabilities == "{}"


async def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    admission = await world.admission()
    ids = [await world.sessions.start(admission, START) for _ in range(4)]
    for session_id in ids:
        assert world.sessions.resume(admission, session_id).client_name == "claude"
