from mcpgw.config import Config
from mcpgw.store.integrity import check_databases
from mcpgw.store.opened import open_store


async def test_whole(config: Config) -> None:
    store = await open_store(config, create=True, is_server=False)
    await store.close()
    before = config.journal_path.read_bytes()
    assert check_databases(config) == {"configuration.db": "", "journal.db": ""}
    assert config.journal_path.read_bytes() == before


async def test_damaged_and_gone(config: Config) -> None:
    store = await open_store(config, create=True, is_server=False)
    await store.close()
    content = bytearray(config.configuration_path.read_bytes())
    content[8192:] = b"\xff" * len(content[8192:])
    config.configuration_path.write_bytes(content)
    config.journal_path.unlink()
    found = check_databases(config)
    assert found["configuration.db"]
    assert "cannot be opened" in found["journal.db"]
