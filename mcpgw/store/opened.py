"""Opens the store: the one door to both databases."""

from dataclasses import dataclass

from mcpgw.config import Config
from mcpgw.store.act import Acts
from mcpgw.store.alert import Alerts
from mcpgw.store.alert_log import AlertLog
from mcpgw.store.audit import Journal
from mcpgw.store.changes import Changes
from mcpgw.store.configuration import Configurations
from mcpgw.store.engine import Database
from mcpgw.store.key import Keys
from mcpgw.store.reserve import Reserve
from mcpgw.store.ruling import Rulings
from mcpgw.store.schema import prepare
from mcpgw.store.secret import Secrets
from mcpgw.store.server import Servers
from mcpgw.store.session import Sessions
from mcpgw.store.token import Tokens
from mcpgw.store.workspace import Workspaces


@dataclass(frozen=True, slots=True)
class Store:
    """What is stored, a port for each noun. Close it when done."""

    configuration: Configurations
    acts: Acts
    keys: Keys
    workspaces: Workspaces
    servers: Servers
    secrets: Secrets
    tokens: Tokens
    rulings: Rulings
    alerts: Alerts
    alert_log: AlertLog
    journal: Journal
    sessions: Sessions
    reserve: Reserve
    changes: Changes
    database: Database

    async def close(self) -> None:
        """Write what is queued for the journal, then close every connection."""
        self.sessions.close()
        await self.journal.close()
        self.changes.close()
        await self.database.close()


async def open_store(config: Config, *, create: bool, is_server: bool) -> Store:
    """Open both databases, at the newest schema.

    Args:
        config: where they are.
        create: whether to make them where there are none.
        is_server: whether this process serves, and so keeps the journal's log short.

    Raises:
        NotFound: there is no gateway here and `create` is off.
        Conflict: a newer mcpgw wrote a database.
        StorageError: the data directory or a database cannot be used.
    """
    prepare(config, create=create)
    changes = Changes(config.configuration_path)
    database = Database(config.configuration_path)
    acts = Acts(database)
    journal = Journal(
        config.journal_path, is_server=is_server, is_durable=config.durability == "full"
    )
    return Store(
        configuration=Configurations(database, changes),
        acts=acts,
        keys=Keys(acts),
        workspaces=Workspaces(acts),
        servers=Servers(acts),
        secrets=Secrets(acts),
        tokens=Tokens(acts),
        rulings=Rulings(acts),
        alerts=Alerts(acts),
        alert_log=AlertLog(journal.writer),
        journal=journal,
        sessions=Sessions(config.journal_path, journal.writer),
        reserve=Reserve(config.home),
        changes=changes,
        database=database,
    )
