"""A whole gateway over in-memory ports."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pytest
from msgspec import Raw

from mcpgw.gateway.access import Access, Admission
from mcpgw.gateway.audit import Audit
from mcpgw.gateway.call import Asked, Calls
from mcpgw.gateway.current import Current
from mcpgw.gateway.dispatch import Dispatcher
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.installation import Installation
from mcpgw.gateway.keys import Keys
from mcpgw.gateway.listing import Listings
from mcpgw.gateway.ports import Deliver
from mcpgw.gateway.secret import Filler, Secrets
from mcpgw.gateway.server import Servers
from mcpgw.gateway.session import Sessions
from mcpgw.gateway.token import Tokens
from mcpgw.gateway.workspace import Workspaces
from mcpgw.model.server import HttpLaunch
from mcpgw.model.token import OPERATOR, Principal, Role
from mcpgw.protocol.era import Era
from mcpgw.protocol.inbound import Call
from tests.fakes import (
    FakeBackground,
    FakeClock,
    FakeJournal,
    FakeKeys,
    FakeSecrets,
    FakeServers,
    FakeStore,
    FakeTokens,
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
    current: Current
    store: FakeStore
    journal: FakeJournal
    vault: FakeVault
    upstreams: FakeUpstreams
    clock: FakeClock
    background: FakeBackground

    async def server(self, name: str, prefix: str | None = None, **tools: str) -> FakeUpstream:
        """Add a server to `demo`, reachable, with these tools."""
        upstream = self.upstreams.by_name[name] = FakeUpstream(listing(**tools))
        launch = HttpLaunch("http://127.0.0.1:1/mcp")
        await self.gateway.servers.add(OPERATOR, "demo", name, launch, prefix=prefix)
        return upstream

    async def admission(
        self, role: Role = Role.DEVELOPER, member: str = "ana", slug: str = "demo"
    ) -> Admission:
        """Issue a token and come in with it."""
        issued = await self.gateway.tokens.issue(OPERATOR, slug, member, role, 3600.0)
        return await self.gateway.access.authenticate(slug, issued.text)

    async def operator(self) -> Admission:
        """Come in as the person at the box."""
        configuration = await self.current.configuration()
        return Admission(OPERATOR, configuration.workspace("demo"), configuration)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store, journal, vault = FakeStore(), FakeJournal(), FakeVault()
    upstreams, clock, background = FakeUpstreams(), FakeClock(), FakeBackground()
    current, keys, filler = Current(store), Keys(vault), Filler(vault)
    listings = Listings(
        upstreams, filler, clock, background.spawn, identity=IDENTITY, list_timeout_s=0.05
    )
    calls = Calls(listings, upstreams, journal, clock, identity=IDENTITY, call_timeout_s=5.0)
    sessions = Sessions(keys, vault, clock)
    gateway = Gateway(
        access=Access(current, vault, clock, newest_time=0.0),
        dispatcher=Dispatcher(
            listings,
            calls,
            sessions,
            identity=IDENTITY,
            server_name="mcpgw",
            server_version="0",
        ),
        installation=Installation(current, FakeKeys(store), vault, clock),
        workspaces=Workspaces(current, FakeWorkspaces(store), keys, vault, clock),
        servers=Servers(current, FakeServers(store), listings, filler, clock),
        secrets=Secrets(current, FakeSecrets(store), keys, vault, clock),
        tokens=Tokens(current, FakeTokens(store), journal, keys, vault, clock),
        audit=Audit(current, journal),
        spawn=background.spawn,
    )
    world = World(
        gateway,
        calls,
        listings,
        sessions,
        current,
        store,
        journal,
        vault,
        upstreams,
        clock,
        background,
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
    deliver: Deliver | None = None,
    era: Era = Era.MODERN,
    session_id: str | None = None,
    progress_token: bytes | None = None,
    request_id: bytes = b"7",
) -> Asked:
    """Return a request as the web door would hand it on; parameters are raw JSON."""
    version = "2026-07-28" if era is Era.MODERN else "2025-11-25"
    call = Call(
        era=era,
        version=version,
        id=request_id,
        method=method,
        params={name: Raw(value) for name, value in params.items()},
        meta={},
        session_id=session_id,
        client_name="test",
        progress_token=progress_token,
        size=100,
    )
    return Asked(call, admission, version, "test", "127.0.0.1", deliver)


def stranger(workspace_id: str) -> Principal:
    """A principal of role readonly with no token of ours."""
    return Principal("tok_x", "eve", Role.READONLY, workspace_id)
