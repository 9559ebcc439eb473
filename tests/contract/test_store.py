"""The store keeps the promises of its ports; mypy checks their shapes here too."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcpgw.config import load_config
from mcpgw.errors import NotFound
from mcpgw.gateway.current import Current
from mcpgw.gateway.ports import (
    ConfigurationStore,
    Journal,
    KeyStore,
    SecretStore,
    ServerStore,
    TokenStore,
    WorkspaceStore,
)
from mcpgw.store.opened import open_store
from tests.store.records import NOW, datakey, event, secret, server, slot, token, workspace


@dataclass(frozen=True, slots=True)
class Ports:
    configuration: ConfigurationStore
    keys: KeyStore
    workspaces: WorkspaceStore
    servers: ServerStore
    secrets: SecretStore
    tokens: TokenStore
    journal: Journal


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
        journal=store.journal,
    )
    await store.close()


async def test_the_gateway_sees_every_change_at_once(ports: Ports) -> None:
    current = Current(ports.configuration)
    await current.configuration()
    await ports.keys.add([slot()], [datakey("")])
    assert (await current.configuration()).slots == (slot(),)
    await ports.workspaces.add(workspace(), datakey())
    assert (await current.configuration()).workspace("demo") == workspace()
    await ports.servers.add(server())
    assert (await current.configuration()).server("ws_demo", "jira") == server()
    await ports.secrets.put(secret())
    found = await current.configuration()
    assert found.secrets_of(server()) == {"JIRA_TOKEN": secret()}
    await ports.tokens.add(token())
    assert (await current.configuration()).tokens_of("ws_demo") == (token(),)
    await ports.tokens.revoke("tok_1", NOW)
    (revoked,) = (await current.configuration()).tokens_of("ws_demo")
    assert not revoked.is_usable(NOW - 1)
    await ports.workspaces.remove("ws_demo")
    with pytest.raises(NotFound):
        (await current.configuration()).workspace("demo")


async def test_nothing_changed_means_the_same_configuration(ports: Ports) -> None:
    current = Current(ports.configuration)
    assert await current.configuration() is await current.configuration()


async def test_a_recorded_call_can_be_found(ports: Ports) -> None:
    await ports.journal.record(event())
    assert await ports.journal.get("call_1") == event()
    assert await ports.journal.latest() == NOW
