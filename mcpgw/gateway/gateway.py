"""The object that the doors hold: the use cases by noun. Holds no logic of its own."""

from collections.abc import Callable
from dataclasses import dataclass

from mcpgw.gateway.access import Access
from mcpgw.gateway.alert import Alerts
from mcpgw.gateway.audit import Audit
from mcpgw.gateway.catalog import Additions, Catalog
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.explain import Explanations
from mcpgw.gateway.function import Functions
from mcpgw.gateway.installation import Installation
from mcpgw.gateway.listing import Spawn
from mcpgw.gateway.member import Members
from mcpgw.gateway.metrics import Metrics
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.gateway.secret import Secrets
from mcpgw.gateway.server import Servers
from mcpgw.gateway.statistics import Statistics
from mcpgw.gateway.token import Tokens
from mcpgw.gateway.tool import Tools
from mcpgw.gateway.upkeep import Upkeep
from mcpgw.gateway.workspace import Workspaces


@dataclass(frozen=True, slots=True)
class Gateway:
    """What mcpgw does, as a door sees it."""

    access: Access
    dispatcher: Dispatcher
    functions: Functions
    installation: Installation
    workspaces: Workspaces
    servers: Servers
    secrets: Secrets
    tokens: Tokens
    members: Members
    tools: Tools
    explanations: Explanations
    audit: Audit
    statistics: Statistics
    metrics: Metrics
    alerts: Alerts
    upkeep: Upkeep
    ongoing: Ongoing
    catalog: Catalog
    additions: Additions
    spawn: Spawn
    """Starts background work that ends with the gateway."""
    now: Callable[[], float]
    """Tells the time, in UTC seconds."""
