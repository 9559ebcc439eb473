"""Sessions: sealed, bound to their token, ended for good."""

import asyncio

import pytest

from mcpgw.errors import InvalidInput, NotFound, StorageError
from mcpgw.gateway import session as module
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.session import Sessions, SessionState
from mcpgw.model.session import LIFETIME_S
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


def restarted(world: World) -> Sessions:
    """Return the sessions as another process over the same data has them."""
    return Sessions(Keys(world.vault, world.acts), world.vault, world.clock, world.session_store)


async def test_it_outlives_the_process(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    assert restarted(world).resume(admission, session_id).client_name == "claude"


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
    session = world.sessions.resume(admission, session_id)
    await world.sessions.set_log_level(session, "info")
    await world.sessions.end(admission, session_id)
    for sessions in (world.sessions, restarted(world)):
        with pytest.raises(NotFound):
            sessions.resume(admission, session_id)
        with pytest.raises(NotFound):
            await sessions.end(admission, session_id)
        for late in (sessions.set_log_level, sessions.subscribe, sessions.unsubscribe):
            with pytest.raises(NotFound):
                await late(session, "debug")


async def test_an_end_that_cannot_be_kept_is_none(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    world.session_store.is_broken = True
    with pytest.raises(StorageError):
        await world.sessions.end(admission, session_id)
    with pytest.raises(StorageError):  # not known is not the same as not ended
        world.sessions.resume(admission, session_id)
    world.session_store.is_broken = False
    assert world.sessions.resume(admission, session_id).client_name == "claude"
    await world.sessions.end(admission, session_id)
    with pytest.raises(NotFound):
        restarted(world).resume(admission, session_id)


async def test_an_id_has_its_time(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    world.clock.pass_s(LIFETIME_S)
    assert world.sessions.resume(admission, session_id).client_name == "claude"
    world.clock.pass_s(1)
    for sessions in (world.sessions, restarted(world)):
        with pytest.raises(NotFound):
            sessions.resume(admission, session_id)


async def test_what_a_session_set_outlives_the_process(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    session = world.sessions.resume(admission, session_id)
    assert world.sessions.state(session) == SessionState("", frozenset(), is_ended=False)
    await world.sessions.set_log_level(session, "warning")
    for uri in ("memo://1", "memo://2", "memo://2"):
        await world.sessions.subscribe(session, uri)
    await world.sessions.unsubscribe(session, "memo://1")
    for sessions in (world.sessions, restarted(world)):
        state = sessions.state(sessions.resume(admission, session_id))
        assert state == SessionState("warning", frozenset({"memo://2"}))


async def test_changes_at_the_same_time_are_all_kept(world: World) -> None:
    admission = await world.admission()
    session = world.sessions.resume(admission, await world.sessions.start(admission, START))
    uris = {f"memo://{number}" for number in range(20)}
    await asyncio.gather(*(world.sessions.subscribe(session, uri) for uri in uris))
    assert world.sessions.state(session).uris == uris
    assert restarted(world).state(session).uris == uris


async def test_a_session_that_sets_nothing_costs_no_row_and_no_look_up(world: World) -> None:
    admission = await world.admission()
    session_id = await world.sessions.start(admission, START)
    session = world.sessions.resume(admission, session_id)
    await world.sessions.unsubscribe(session, "memo://never")
    assert (world.session_store.records, world.session_store.looked_up) == ({}, 0)
    after = restarted(world)
    for _ in range(3):
        after.resume(admission, session_id)
    assert world.session_store.looked_up == 1


async def test_a_change_that_cannot_be_kept_is_none(world: World) -> None:
    admission = await world.admission()
    session = world.sessions.resume(admission, await world.sessions.start(admission, START))
    await world.sessions.subscribe(session, "memo://1")
    world.session_store.is_broken = True
    with pytest.raises(StorageError):
        await world.sessions.set_log_level(session, "debug")
    world.session_store.is_broken = False
    assert world.sessions.state(session) == SessionState("", frozenset({"memo://1"}))


async def test_subscriptions_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_URIS", 2)
    admission = await world.admission()
    session = world.sessions.resume(admission, await world.sessions.start(admission, START))
    with pytest.raises(InvalidInput, match="characters"):
        await world.sessions.subscribe(session, "memo://" + "x" * module.MAX_URI_CHARACTERS)
    for uri in ("a", "b", "b"):
        await world.sessions.subscribe(session, uri)
    with pytest.raises(InvalidInput, match="2 resources already"):
        await world.sessions.subscribe(session, "c")
    await world.sessions.unsubscribe(session, "a")
    await world.sessions.subscribe(session, "c")
    assert world.sessions.state(session).uris == {"b", "c"}


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
    for number, session_id in enumerate(ids):
        session = world.sessions.resume(admission, session_id)
        await world.sessions.set_log_level(session, str(number))
    for number, session_id in enumerate(ids):
        session = world.sessions.resume(admission, session_id)
        assert world.sessions.state(session).log_level == str(number)
