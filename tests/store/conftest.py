"""A store in a temporary directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcpgw.config import Config, load_config
from mcpgw.store.opened import Store, open_store
from tests.store.records import ACT, datakey, server, sign, workspace


@pytest.fixture
def config(tmp_path: Path) -> Config:
    # What a careless reading of paths as URLs, formats or lists would fall over.
    return load_config({"home": tmp_path / "50% of #1, a?b" / "home"})


@pytest.fixture
async def store(config: Config) -> AsyncIterator[Store]:
    store = await open_store(config, create=True, is_server=True)
    store.journal.sign_with(sign)
    yield store
    await store.close()


@pytest.fixture
async def demo(store: Store) -> Store:
    """The store with a workspace and a server."""
    await store.workspaces.add(workspace(), datakey(), ACT)
    await store.servers.add(server(), ACT)
    return store
