"""The store keeps the promises of its ports; mypy checks their shapes here too."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcpgw.config import load_config
from mcpgw.errors import NotFound
from mcpgw.gateway.current import Current
from mcpgw.gateway.ports import (
    ConfigurationStore,
    Journal,
    KeyStore,
    RulingStore,
    SecretStore,
    ServerStore,
    SessionStore,
    TokenStore,
    WorkspaceStore,
)
from mcpgw.model.bounds import Bounds
from mcpgw.model.workspace import ReadonlyTools, WorkspaceSettings
from mcpgw.store.opened import open_store
from tests.fakes import FakeSessions, read
from tests.store.records import (
    ACT,
    NOW,
    call_end,
    call_start,
    datakey,
    ruling,
    secret,
    server,
    session,
    sign,
    slot,
    token,
    workspace,
)


@dataclass(frozen=True, slots=True)
class Ports:
    configuration: ConfigurationStore
    keys: KeyStore
    workspaces: WorkspaceStore
    servers: ServerStore
    secrets: SecretStore
    tokens: TokenStore
    rulings: RulingStore
    journal: Journal
    sessions: SessionStore


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    store = await open_store(load_config({"home": tmp_path}), create=True, is_server=True)
    yield Ports(
        configuration=store.configuration,
        keys=store.keys,
        workspaces=store.workspaces,
        servers=store.servers,
        secrets=store.secrets,
        tokens=store.tokens,
        rulings=store.rulings,
        journal=store.journal,
        sessions=store.sessions,
    )
    await store.close()


async def test_the_gateway_sees_every_change_at_once(ports: Ports) -> None:
    current = Current(ports.configuration)
    await current.configuration()
    await ports.keys.add([slot()], [datakey("")], ACT)
    assert (await current.configuration()).slots == (slot(),)
    await ports.workspaces.add(workspace(), datakey(), ACT)
    assert (await current.configuration()).workspace("demo") == workspace()
    await ports.servers.add(server(), ACT)
    assert (await current.configuration()).server("ws_demo", "jira") == server()
    await ports.secrets.put(secret(), ACT)
    found = await current.configuration()
    assert found.secrets_of(server()) == {"JIRA_TOKEN": secret()}
    await ports.tokens.add(token(), ACT)
    assert (await current.configuration()).tokens_of("ws_demo") == (token(),)
    ends, new = replace(token(), expires_at=NOW + 9), token("tok_2")
    await ports.tokens.replace(new, ends, ACT)
    assert set((await current.configuration()).tokens_of("ws_demo")) == {ends, new}
    await ports.tokens.revoke(["tok_1", "tok_2"], NOW, ACT)
    revoked = (await current.configuration()).tokens_of("ws_demo")
    assert not any(one.is_usable(NOW - 1) for one in revoked)
    await ports.rulings.put(ruling(), ACT)
    assert (await current.configuration()).rulings == {ruling().server_id: {"search": ruling()}}
    await ports.rulings.remove(ruling().server_id, "search", ACT)
    assert not any((await current.configuration()).rulings.values())
    await ports.servers.set_approved(server().id, True, ACT)
    assert (await current.configuration()).server("ws_demo", "jira").is_approved
    settings = WorkspaceSettings(ReadonlyTools.ALL, 60.0, Bounds(servers=("git*",)))
    await ports.workspaces.set_settings(workspace().with_settings(settings, b"mac"), ACT)
    demo = (await current.configuration()).workspace("demo")
    assert (demo.settings, demo.settings_mac) == (settings, b"mac")
    await ports.workspaces.remove("ws_demo", ACT)
    with pytest.raises(NotFound):
        (await current.configuration()).workspace("demo")


async def test_nothing_changed_means_the_same_configuration(ports: Ports) -> None:
    current = Current(ports.configuration)
    assert await current.configuration() is await current.configuration()


async def test_a_recorded_call_can_be_found(ports: Ports) -> None:
    ports.journal.sign_with(sign)
    seq = await ports.journal.begin(call_start())
    assert await ports.journal.end(call_end()) == seq + 1
    assert await ports.journal.get("ws_demo", call_start().call_id) == read(call_end())
    assert await ports.journal.latest() == NOW


@pytest.fixture(params=["real", "fake"])
def sessions(request: pytest.FixtureRequest, ports: Ports) -> SessionStore:
    return ports.sessions if request.param == "real" else FakeSessions()


async def test_a_session_is_what_was_put_last(sessions: SessionStore) -> None:
    assert sessions.get("session_1") is None
    records = [
        session(),
        session(log_level="info", uris=("memo://é", "memo://2")),
        session(is_ended=True),
    ]
    for record in records:
        await sessions.put(record, NOW - 1)
        assert sessions.get("session_1") == record
    assert sessions.get("session_2") is None


async def test_of_several_puts_at_once_the_last_counts(sessions: SessionStore) -> None:
    puts = [sessions.put(session(log_level=str(number)), 0.0) for number in range(100)]
    await puts[-1]
    assert all(put.done() for put in puts)
    assert sessions.get("session_1") == session(log_level="99")


async def test_sessions_that_are_too_old_are_forgotten(sessions: SessionStore) -> None:
    await sessions.put(session("old", started_at=NOW - 10), NOW - 11)
    await sessions.put(session("young"), NOW - 10)
    assert sessions.get("old") is not None
    await sessions.put(session("younger"), NOW - 9)
    assert sessions.get("old") is None
    assert sessions.get("young") is not None


async def test_a_session_moves_no_change_counter(ports: Ports) -> None:
    before = ports.configuration.version()
    await ports.sessions.put(session(), 0.0)
    assert ports.configuration.version() == before
