"""The only file that has met everyone: builds the adapters and hands them to the gateway."""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import msgspec

from mcpgw import __version__
from mcpgw.catalogs.bundled import BundledCatalog
from mcpgw.catalogs.cache import AnswerCache
from mcpgw.catalogs.package_managers import PackageManagers
from mcpgw.catalogs.registry import Registry
from mcpgw.config import Config, base_environment
from mcpgw.errors import NotFound
from mcpgw.gateway.access import Access
from mcpgw.gateway.alert import Alerts
from mcpgw.gateway.alerting import Alerting
from mcpgw.gateway.anchoring import Anchoring
from mcpgw.gateway.audit import Audit
from mcpgw.gateway.call import Calls
from mcpgw.gateway.catalog import Additions, Catalog
from mcpgw.gateway.counters import Counters
from mcpgw.gateway.current import Current
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.explain import Explanations
from mcpgw.gateway.function import Functions
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.installation import Installation
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.member import Members
from mcpgw.gateway.metrics import Metrics
from mcpgw.gateway.ongoing import Ongoing
from mcpgw.gateway.parking import Parking
from mcpgw.gateway.ports import Tracing as TracingPort
from mcpgw.gateway.ports import Upstreams as UpstreamsPort
from mcpgw.gateway.ports import Vault as VaultPort
from mcpgw.gateway.question import Questions
from mcpgw.gateway.recording import Recording
from mcpgw.gateway.relay import Relay
from mcpgw.gateway.ruling import Rulings
from mcpgw.gateway.secret import Filler, Secrets
from mcpgw.gateway.server import Servers
from mcpgw.gateway.session import Sessions
from mcpgw.gateway.statistics import Statistics
from mcpgw.gateway.subscription import Subscriptions
from mcpgw.gateway.throttle import Throttle
from mcpgw.gateway.token import Tokens
from mcpgw.gateway.tool import Tools
from mcpgw.gateway.upkeep import Upkeep
from mcpgw.gateway.webhook import Webhooks
from mcpgw.gateway.workspace import Workspaces
from mcpgw.store import integrity, lock
from mcpgw.store.opened import Store, open_store
from mcpgw.telemetry.anchor import Anchors
from mcpgw.telemetry.tracing import Untraced, open_telemetry
from mcpgw.telemetry.webhook import post
from mcpgw.upstream.pool import Upstreams
from mcpgw.vault.os_keyring import OsKeyring
from mcpgw.vault.vault import Vault

logger = logging.getLogger(__name__)


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return UTC seconds since 1970."""
        return time.time_ns() / 1e9

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never run backwards."""
        return time.monotonic_ns()


class _Background:
    """Owns background work: none outlives it, and none that fails takes anything else along."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start `work`. Raises RuntimeError after the end, as a TaskGroup does."""
        if not self._is_open:
            raise RuntimeError("the gateway is shutting down")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The text may hold a payload; the class and the place are enough to find a bug.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error(
                "background work failed: %s in %s:%d",
                type(error).__name__,
                place.name,
                place.lineno,
            )


@asynccontextmanager
async def open_gateway(
    config: Config, *, is_created: bool = False, is_server: bool = False
) -> AsyncIterator[Gateway]:
    """Open the data directory and yield the gateway on it; everything ends with the block.

    Args:
        config: the settings.
        is_created: whether to make the data directory when there is none.
        is_server: whether this is the one process that serves.

    Raises:
        NotFound: there is no data directory and none may be made.
        Conflict: it was written by a newer version.
        StorageError: it cannot be used.
    """
    async with AsyncExitStack() as stack:
        store = await open_store(config, create=is_created, is_server=is_server)
        stack.push_async_callback(store.close)
        tracing = open_telemetry() if config.otel and is_server else Untraced()
        stack.callback(tracing.close)
        background = _Background()
        upstreams = Upstreams(
            spawn=background.spawn,
            base_environment=base_environment(),
            directory=config.home / "servers",
            max_connections=config.max_connections,
            max_message_bytes=config.max_message_bytes,
            start_timeout_s=config.start_timeout_s,
        )
        stack.push_async_callback(upstreams.close)
        stack.push_async_callback(background.close)
        newest_time = await store.journal.latest()
        yield _assemble(config, store, Vault(config), upstreams, background, tracing, newest_time)


@contextmanager
def serve_lock(config: Config) -> Iterator[Callable[[str], None]]:
    """Be the one process that serves the data directory; yields what makes its URL known.

    Raises:
        NotFound: there is no data directory.
        Conflict: another process serves it; says which and where.
        StorageError: it cannot be written.
    """
    if not config.configuration_path.exists():
        raise NotFound(f"no gateway in {config.home}", "run: mcpgw init")
    held = lock.ServeLock(config)
    held.acquire()
    try:
        yield held.publish
    finally:
        held.release()


def running(config: Config) -> tuple[int, str] | None:
    """Return the process id and URL of the process that serves, None when there is none.

    Raises:
        StorageError: the data directory cannot be read.
    """
    return lock.running(config)


def saved_token(url: str) -> str | None:
    """Return the token that this user's keyring has for a workspace's URL, None when it has none.

    Raises:
        VaultLocked: there is no keyring that can be used; the message completes "the OS keyring".
    """
    return OsKeyring().read(url)


def save_token(url: str, token: str) -> None:
    """Put the token for a workspace's URL into this user's keyring. Raises as `saved_token`."""
    OsKeyring().write(url, token)


def open_catalog(config: Config) -> Catalog:
    """Return the catalog, which needs no data directory."""
    cache = AnswerCache(config.home / "registry", SystemClock().now)
    return Catalog(BundledCatalog(), Registry(config.registry_url, cache))


def check_databases(config: Config) -> Mapping[str, str]:
    """Return what is wrong with each database by its file name, empty when it is whole."""
    return integrity.check_databases(config)


def _assemble(
    config: Config,
    store: Store,
    vault: VaultPort,
    upstreams: UpstreamsPort,
    background: _Background,
    tracing: TracingPort,
    newest_time: float,
) -> Gateway:
    """Wire the use cases; mypy checks here that every adapter has its port's shape."""
    clock, spawn, timeout_s = SystemClock(), background.spawn, config.call_timeout_s
    identity = msgspec.json.encode({"name": "mcpgw", "version": __version__})
    current, keys, filler = Current(store.configuration), Keys(vault, store.acts), Filler(vault)
    rulings, throttle = Rulings(keys, vault), Throttle(clock)
    list_timeout_s = config.list_timeout_s
    listings = Listings(
        upstreams, filler, rulings, clock, spawn, identity=identity, list_timeout_s=list_timeout_s
    )
    access = Access(current, vault, clock, newest_time=newest_time)
    ongoing = Ongoing(current, access, throttle, upstreams, clock, spawn)
    sessions = Sessions(keys, vault, clock, store.sessions)
    questions = Questions()
    parking = Parking(keys, vault, ongoing, clock, spawn, identity=identity)
    relay = Relay(upstreams, questions, parking, identity=identity, call_timeout_s=timeout_s)
    subscriptions = Subscriptions(current, ongoing, listings, sessions, upstreams, clock, spawn)
    counters = Counters()
    recording = Recording(store.journal, vault, counters, tracing, clock)
    calls = Calls(listings, relay, sessions, ongoing, recording, clock, identity=identity)
    anchoring = Anchoring(store.journal, store.acts, Anchors(config.anchors), clock)
    webhooks = Webhooks(keys, vault, post)
    alerting = Alerting(
        current, store.journal, listings, store.alert_log, store.reserve, webhooks, clock
    )
    upkeep = Upkeep(recording, store.journal, anchoring, store.reserve, alerting, clock, spawn)
    tokens = Tokens(current, store.tokens, store.journal, keys, vault, clock)
    servers = Servers(current, store.servers, listings, filler, clock)
    secrets = Secrets(current, store.secrets, keys, vault, clock)
    dispatcher = Dispatcher(
        listings, calls, sessions, questions, subscriptions, ongoing, identity=identity
    )
    return Gateway(
        access=access,
        dispatcher=dispatcher,
        functions=Functions(dispatcher, listings, ongoing, clock),
        installation=Installation(current, store.keys, keys, vault, recording, clock),
        workspaces=Workspaces(current, store.workspaces, keys, vault, clock),
        servers=servers,
        secrets=secrets,
        tokens=tokens,
        members=Members(current, tokens, secrets, store.journal),
        tools=Tools(current, access, store.rulings, rulings, listings, clock),
        explanations=Explanations(current, access, keys, listings, throttle, clock),
        audit=Audit(current, store.journal, store.acts, clock),
        statistics=Statistics(current, store.journal),
        metrics=Metrics(current, counters, recording),
        alerts=Alerts(current, store.alerts, store.alert_log, webhooks, clock),
        upkeep=upkeep,
        ongoing=ongoing,
        catalog=open_catalog(config),
        additions=Additions(current, servers, secrets, PackageManagers(base_environment())),
        spawn=spawn,
        now=clock.now,
    )
