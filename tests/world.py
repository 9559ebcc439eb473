"""A whole gateway over in-memory ports, and clients of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from mcpgw.gateway.access import Access, Admission
from mcpgw.gateway.alert import Alerts
from mcpgw.gateway.alerting import Alerting
from mcpgw.gateway.anchoring import Anchoring
from mcpgw.gateway.asked import Asked
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
from mcpgw.gateway.ports import Send
from mcpgw.gateway.question import Questions
from mcpgw.gateway.recording import Recording
from mcpgw.gateway.relay import Relay
from mcpgw.gateway.ruling import Rulings
from mcpgw.gateway.secret import Filler, Secrets
from mcpgw.gateway.server import Servers
from mcpgw.gateway.session import Session, Sessions
from mcpgw.gateway.statistics import Statistics
from mcpgw.gateway.subscription import Subscriptions
from mcpgw.gateway.throttle import Throttle
from mcpgw.gateway.token import Tokens
from mcpgw.gateway.tool import Tools
from mcpgw.gateway.upkeep import Upkeep
from mcpgw.gateway.webhook import Webhooks
from mcpgw.gateway.workspace import Workspaces
from mcpgw.model.bounds import UNBOUND, Bounds
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR, Principal, Role
from mcpgw.protocol.era import META_CLIENT_CAPABILITIES, Era
from mcpgw.protocol.header import Headers
from mcpgw.protocol.inbound import Call
from mcpgw.protocol.jsonrpc import parse
from mcpgw.protocol.legacy import SessionStart
from tests.fakes import (
    FakeActs,
    FakeAlertLog,
    FakeAlerts,
    FakeBackground,
    FakeCatalog,
    FakeClock,
    FakeJournal,
    FakeKeys,
    FakeNotes,
    FakePackageManagers,
    FakePost,
    FakeReserve,
    FakeRulings,
    FakeSecrets,
    FakeServers,
    FakeSessions,
    FakeStore,
    FakeTokens,
    FakeTracing,
    FakeUpstream,
    FakeUpstreams,
    FakeVault,
    FakeWorkspaces,
    listing,
)

IDENTITY = b'{"name":"mcpgw","version":"0"}'


@dataclass
class World:
    """The gateway, and what stands behind its ports."""

    gateway: Gateway
    calls: Calls
    listings: Listings
    sessions: Sessions
    questions: Questions
    parking: Parking
    subscriptions: Subscriptions
    current: Current
    store: FakeStore
    journal: FakeJournal
    session_store: FakeSessions
    vault: FakeVault
    upstreams: FakeUpstreams
    clock: FakeClock
    background: FakeBackground
    catalog: FakeCatalog
    registry: FakeCatalog
    managers: FakePackageManagers
    recording: Recording
    notes: FakeNotes
    reserve: FakeReserve
    tracing: FakeTracing
    alerting: Alerting
    alert_log: FakeAlertLog
    post: FakePost
    acts: FakeActs

    async def server(self, name: str, prefix: str | None = None, **tools: str) -> FakeUpstream:
        """Add a server to `demo`, reachable, with these tools."""
        upstream = self.upstreams.by_name[name] = FakeUpstream(listing(**tools))
        launch = HttpLaunch("http://127.0.0.1:1/mcp")
        await self.gateway.servers.add(OPERATOR, "demo", name, launch, prefix=prefix)
        return upstream

    async def admission(
        self,
        role: Role = Role.DEVELOPER,
        member: str = "ana",
        slug: str = "demo",
        bounds: Bounds = UNBOUND,
    ) -> Admission:
        """Issue a token and come in with it."""
        issue = self.gateway.tokens.issue
        issued = await issue(OPERATOR, slug, member, role, 3600.0, bounds)
        return await self.gateway.access.authenticate(slug, issued.text)

    async def modern(
        self, capabilities: bytes = b"{}", *, member: str = "ana", slug: str = "demo"
    ) -> "Client":
        """Come in as a modern client with these capabilities."""
        return Client(self, await self.admission(member=member, slug=slug), capabilities)

    async def legacy(
        self,
        capabilities: bytes = b"{}",
        *,
        version: str = "2025-11-25",
        admission: Admission | None = None,
    ) -> "Client":
        """Come in as a legacy client with these capabilities, its session being open."""
        admission = admission or await self.admission()
        start = SessionStart(version, "test", "1", capabilities)
        session_id = await self.sessions.start(admission, start)
        return Client(self, admission, capabilities, session_id)

    async def operator(self) -> Admission:
        """Come in as the person at the box."""
        configuration = await self.current.configuration()
        return Admission(OPERATOR, configuration.workspace("demo"), configuration)


@dataclass
class Client:
    """A client of either era: keeps what it is sent, and answers what it is asked as it is told."""

    world: World
    admission: Admission
    capabilities: bytes
    session_id: str | None = None
    heard: list[dict[str, Any]] = field(default_factory=list)
    """The messages that came ahead of answers."""
    answers: dict[str, object] = field(default_factory=dict)
    """What it answers to servers' questions at once, by method."""
    can_stream: bool = True
    ids: count = field(default_factory=lambda: count(1))  # type: ignore[type-arg]

    @property
    def session(self) -> Session:
        """Its session."""
        assert self.session_id is not None
        return self.world.sessions.resume(self.admission, self.session_id)

    def asked(
        self,
        method: str = "tools/call",
        *,
        progress_token: bytes | None = None,
        log_level: str | None = None,
        headers: Headers | None = None,
        **params: bytes,
    ) -> Asked:
        """Return a request of it; parameters are raw JSON."""
        meta = {}
        if self.session_id is None:
            meta[META_CLIENT_CAPABILITIES] = self.capabilities
        if log_level is not None:
            meta["io.modelcontextprotocol/logLevel"] = msgspec.json.encode(log_level)
        return asked(
            self.admission,
            method,
            params,
            send=self.send if self.can_stream else None,
            session=None if self.session_id is None else self.session,
            meta=meta,
            era=Era.MODERN if self.session_id is None else Era.LEGACY,
            session_id=self.session_id,
            progress_token=progress_token,
            request_id=str(next(self.ids)).encode(),
            headers=headers,
        )

    async def call(self, method: str = "tools/call", **more: Any) -> dict[str, Any]:
        """Send a request and return the response."""
        response = await self.world.gateway.dispatcher.answer(self.asked(method, **more))
        decoded: dict[str, Any] = msgspec.json.decode(response)
        return decoded

    async def send(self, message: bytes) -> None:
        """Take a message ahead of an answer."""
        heard = msgspec.json.decode(message)
        self.heard.append(heard)
        if "id" in heard and heard["method"] in self.answers:
            self.respond(heard["id"], self.answers[heard["method"]])

    def respond(self, request_id: object, result: object) -> None:
        """Answer a question."""
        self.post({"id": request_id, "result": result})

    def post(self, message: Mapping[str, object]) -> None:
        """Send a response or a notification in the session."""
        parsed = parse(msgspec.json.encode({"jsonrpc": "2.0", **message}))
        assert not isinstance(parsed, list)
        assert self.session_id is not None
        self.world.gateway.dispatcher.notice(self.admission, self.session_id, parsed)

    @property
    def notified(self) -> list[tuple[str, dict[str, Any]]]:
        """The notifications among what it heard: method and parameters."""
        return [(one["method"], one["params"]) for one in self.heard if "id" not in one]

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The questions among what it heard."""
        return [one for one in self.heard if "id" in one]


async def until(condition: Callable[[], object]) -> None:
    """Let everything else run until a condition holds, within a second."""
    async with asyncio.timeout(1):
        while not condition():  # noqa: ASYNC110  (conditions are of all kinds)
            await asyncio.sleep(0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store, journal, vault = FakeStore(), FakeJournal(), FakeVault()
    acts = FakeActs(store)
    session_store = FakeSessions()
    upstreams, clock, background = FakeUpstreams(), FakeClock(), FakeBackground()
    current, keys, filler = Current(store), Keys(vault, acts), Filler(vault)
    spawn, rulings, throttle = background.spawn, Rulings(keys, vault), Throttle(clock)
    listings = Listings(
        upstreams, filler, rulings, clock, spawn, identity=IDENTITY, list_timeout_s=0.05
    )
    access = Access(current, vault, clock, newest_time=0.0)
    ongoing = Ongoing(current, access, throttle, upstreams, clock, spawn)
    sessions, questions = Sessions(keys, vault, clock, session_store), Questions()
    parking = Parking(keys, vault, ongoing, clock, spawn, identity=IDENTITY)
    relay = Relay(upstreams, questions, parking, identity=IDENTITY, call_timeout_s=5.0)
    counters, tracing = Counters(), FakeTracing()
    recording, notes = Recording(journal, vault, counters, tracing, clock), FakeNotes()
    reserve, alert_log, post = FakeReserve(), FakeAlertLog(), FakePost()
    anchoring = Anchoring(journal, acts, notes, clock)
    webhooks = Webhooks(keys, vault, post)
    alerting = Alerting(current, journal, listings, alert_log, reserve, webhooks, clock)
    calls = Calls(listings, relay, sessions, ongoing, recording, clock, identity=IDENTITY)
    subscriptions = Subscriptions(current, ongoing, listings, sessions, upstreams, clock, spawn)
    tokens = Tokens(current, FakeTokens(store), journal, keys, vault, clock)
    servers = Servers(current, FakeServers(store), listings, filler, clock)
    secrets = Secrets(current, FakeSecrets(store), keys, vault, clock)
    catalog, registry, managers = FakeCatalog(), FakeCatalog(), FakePackageManagers()
    dispatcher = Dispatcher(
        listings, calls, sessions, questions, subscriptions, ongoing, identity=IDENTITY
    )
    gateway = Gateway(
        access=access,
        dispatcher=dispatcher,
        functions=Functions(dispatcher, listings, ongoing, clock),
        installation=Installation(current, FakeKeys(store), keys, vault, recording, clock),
        workspaces=Workspaces(current, FakeWorkspaces(store), keys, vault, clock),
        servers=servers,
        secrets=secrets,
        tokens=tokens,
        members=Members(current, tokens, secrets, journal),
        tools=Tools(current, access, FakeRulings(store), rulings, listings, clock),
        explanations=Explanations(current, access, keys, listings, throttle, clock),
        statistics=Statistics(current, journal),
        metrics=Metrics(current, counters, recording),
        alerts=Alerts(current, FakeAlerts(store), alert_log, webhooks, clock),
        upkeep=Upkeep(recording, journal, anchoring, reserve, alerting, clock, spawn),
        audit=Audit(current, journal, acts, clock),
        ongoing=ongoing,
        catalog=Catalog(catalog, registry),
        additions=Additions(current, servers, secrets, managers),
        spawn=spawn,
        now=clock.now,
    )
    world = World(
        gateway,
        calls,
        listings,
        sessions,
        questions,
        parking,
        subscriptions,
        current,
        store,
        journal,
        session_store,
        vault,
        upstreams,
        clock,
        background,
        catalog,
        registry,
        managers,
        recording,
        notes,
        reserve,
        tracing,
        alerting,
        alert_log,
        post,
        acts,
    )
    await gateway.installation.establish(OPERATOR)
    await gateway.workspaces.create(OPERATOR, "demo")
    yield world
    await background.close()


def asked(
    admission: Admission,
    method: str,
    params: Mapping[str, bytes] = MappingProxyType({}),
    *,
    send: Send | None = None,
    session: Session | None = None,
    meta: Mapping[str, bytes] = MappingProxyType({}),
    era: Era = Era.MODERN,
    session_id: str | None = None,
    progress_token: bytes | None = None,
    request_id: bytes = b"7",
    headers: Headers | None = None,
) -> Asked:
    """Return a request as the web door would hand it on; parameters are raw JSON."""
    version = "2026-07-28" if era is Era.MODERN else "2025-11-25"
    call = Call(
        era=era,
        version=version,
        id=request_id,
        method=method,
        params={name: Raw(value) for name, value in params.items()},
        meta={name: Raw(value) for name, value in meta.items()},
        session_id=session_id,
        client_name="test",
        progress_token=progress_token,
        size=100,
        headers=headers,
    )
    if session is not None:
        version = session.version
    return Asked(call, admission, version, "test", "127.0.0.1", send, session)


def stranger(workspace_id: str) -> Principal:
    """A principal of role readonly with no token of ours."""
    return Principal("tok_x", "eve", Role.READONLY, workspace_id)
