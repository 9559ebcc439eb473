"""Who gets in: every route that there is, with every kind of token, over every transport.

What is expected is what the policy says of the route's action, and nothing else. A route that this
file does not know how to ask fails it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mcpgw.errors import GatewayError
from mcpgw.model.act import ActFilter
from mcpgw.model.audit import CallFilter
from mcpgw.model.catalog import CatalogEntry, Confidence, Remote
from mcpgw.model.policy import decide
from mcpgw.model.secret import Secret
from mcpgw.model.token import OPERATOR, Principal, Role
from mcpgw.model.tool_class import ToolClass
from mcpgw.web.app import build_routes
from mcpgw.web.routing import OfToken, Public, Route
from mcpgw.web.stream import Streams
from tests.fakes import FakeUpstream, listing
from tests.web.conftest import Client, modern_body, modern_headers

API = "/api/v1/workspaces/{slug}"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "old", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
VICTIM = "victim@team.org"


@dataclass(frozen=True)
class Way:
    """One way to ask for a route. `{session}` and `{stream}` in it stand for those of the asker."""

    transport: str
    body: object = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


SESSION = {"Mcp-Session-Id": "{session}", "MCP-Protocol-Version": "2025-11-25"}
MODERN = Way("modern", modern_body("tools/list"), headers=modern_headers("tools/list"))
LEGACY = [Way("legacy", INITIALIZE), Way("legacy", LIST, headers=SESSION)]
EVENTS = SESSION | {"Accept": "text/event-stream"}
CALLS = Way("functions", {"calls": [{"id": "1", "name": "git__log", "arguments": {}}]})
PLAIN, ANY = [Way("api")], {"If-Match": "*"}

SERVER, TOKEN = f"{API}/servers/{{server}}", f"{API}/tokens/{{token}}"
SECRET, RULING = f"{SERVER}/secrets/{{secret}}", f"{API}/tools/{{tool}}/ruling"

NPM = {"pacote-req-type": "tarball"}

WAYS: Mapping[tuple[str, ...], list[Way]] = {
    ("GET", "/healthz"): PLAIN,
    ("GET", "/readyz"): PLAIN,
    ("GET", "/metrics"): PLAIN,
    ("GET", "/api/v1/openapi.json"): PLAIN,
    **{
        (method, path): ways
        for path in ("/ws/{slug}", "/ws/{slug}/mcp")
        for method, ways in (
            ("POST", [MODERN, *LEGACY, CALLS]),
            ("GET", [Way("legacy", headers=EVENTS)]),
            ("DELETE", [Way("legacy", headers=SESSION)]),
        )
    },
    **{
        ("GET", path, "instead"): [Way("npm", headers=NPM)]
        for path in ("/ws/{slug}", "/ws/{slug}/mcp")
    },
    ("GET", "/registry/v0.1/servers"): [Way("registry")],
    ("GET", "/ws/{slug}/v1/tools"): [Way("functions")],
    ("POST", "/ws/{slug}/v1/tools/{tool}"): [Way("functions", {})],
    ("POST", "/ws/{slug}/v1/tool-calls"): [CALLS],
    ("GET", "/ws/{slug}/openapi.json"): [Way("functions")],
    **{
        ("OPTIONS", f"/ws/{{slug}}/{path}"): [Way("page")]
        for path in ("v1/tools", "v1/tools/{tool}", "v1/tool-calls", "openapi.json")
    },
    ("GET", "/ws/{slug}/sse"): [Way("sse", headers={"Accept": "text/event-stream"})],
    ("POST", "/ws/{slug}/messages"): [Way("sse", PING, {"session_id": "{stream}"})],
    ("GET", f"{API}/me"): PLAIN,
    ("GET", API): PLAIN,
    ("GET", f"{API}/settings"): PLAIN,
    ("PUT", f"{API}/settings"): [Way("api", {}, headers=ANY)],
    ("GET", f"{API}/servers"): PLAIN,
    ("POST", f"{API}/servers"): [
        Way("api", {"name": "new", "url": "https://mcp.example.com", "test": False})
    ],
    ("GET", SERVER): PLAIN,
    ("PATCH", SERVER): [Way("api", {"is_enabled": True}, headers=ANY)],
    ("DELETE", SERVER): [Way("api", headers=ANY)],
    ("POST", f"{SERVER}/test"): PLAIN,
    ("GET", f"{API}/catalog"): PLAIN,
    ("GET", f"{API}/catalog/{{entry}}"): PLAIN,
    ("POST", f"{API}/catalog/{{entry}}/servers"): [Way("api", {"name": "new"})],
    ("GET", f"{API}/secrets"): PLAIN,
    ("GET", SECRET): PLAIN,
    ("PUT", SECRET): [Way("api", {"value": "x"})],
    ("DELETE", SECRET): PLAIN,
    ("GET", f"{API}/tokens"): PLAIN,
    ("POST", f"{API}/tokens"): [Way("api", {"member": "new", "role": "readonly"})],
    ("GET", TOKEN): PLAIN,
    ("DELETE", TOKEN): PLAIN,
    ("POST", f"{TOKEN}/rotation"): [Way("api", {})],
    ("GET", f"{TOKEN}/visible"): PLAIN,
    ("GET", f"{API}/members"): PLAIN,
    ("GET", f"{API}/member"): [Way("api", query={"member": VICTIM})],
    ("DELETE", f"{API}/member"): [Way("api", query={"member": VICTIM})],
    ("POST", f"{API}/offboarding"): [Way("api", {"member": VICTIM})],
    ("GET", f"{API}/tools"): PLAIN,
    ("GET", f"{API}/tools/{{tool}}"): PLAIN,
    ("PUT", RULING): [Way("api", {"class": "read"}, headers=ANY)],
    ("DELETE", RULING): [Way("api", headers=ANY)],
    ("GET", f"{API}/explain"): [Way("api", query={"token": "{token}", "tool": "git__log"})],
    ("GET", f"{API}/calls"): PLAIN,
    ("GET", f"{API}/calls/{{call}}"): PLAIN,
    ("GET", f"{API}/statistics"): PLAIN,
    ("GET", f"{API}/acts"): PLAIN,
    ("GET", f"{API}/acts/{{act}}"): PLAIN,
}


@dataclass(frozen=True)
class Bearer:
    """Somebody who asks: with these headers, in which right if in any.

    `elsewhere` is the role in the workspace of a foreign token.
    """

    name: str
    headers: Mapping[str, str]
    role: Role | None = None
    elsewhere: Role | None = None

    @property
    def own_role(self) -> Role | None:
        """The role where the token is good, wherever that is."""
        return self.role or self.elsewhere


@dataclass(frozen=True)
class Seen:
    """An answer, all but its date."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Stage:
    """A workspace with one of everything, and everybody who could ask for it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.values: dict[str, str] = {"slug": "demo", "server": "git", "secret": "KEY"}
        self.values |= {"tool": "git__log", "entry": "hosted"}
        self.bearers: list[Bearer] = []

    async def set(self) -> None:
        """Make what is asked for, and the bearers."""
        hosted = Remote("https://mcp.example.com")
        self.client.world.catalog.entries["hosted"] = CatalogEntry(
            "hosted", "Hosted", "for the matrix", confidence=Confidence.HIGH, remotes=(hosted,)
        )
        self.client.world.upstreams.by_name["new"] = FakeUpstream(listing())
        world, tokens = self.client.world, self.client.world.gateway.tokens
        await world.gateway.workspaces.create(OPERATOR, "other")

        async def issued(role: Role, slug: str = "demo", ttl_s: float | None = None) -> Any:
            return await tokens.issue(OPERATOR, slug, f"{role}@team.org", role, ttl_s)

        expired = await issued(Role.ADMIN, ttl_s=1.0)
        revoked, foreign = await issued(Role.ADMIN), await issued(Role.ADMIN, "other")
        await tokens.revoke(OPERATOR, "demo", revoked.token.id)
        world.clock.pass_s(2)
        good = {role: await issued(role) for role in Role}
        admin = good[Role.ADMIN].text
        typo = admin[:-1] + ("a" if admin[-1] != "a" else "b")
        self.admin = Bearer("admin", _bearing(admin), Role.ADMIN)
        self.bearers = [
            Bearer("none", {}),
            *(
                Bearer(f"malformed {number}", headers)
                for number, headers in enumerate(
                    [
                        _bearing("nonsense"),
                        _bearing(typo),
                        _bearing(admin + "x"),
                        _bearing(f"{admin} {admin}"),
                        {"Authorization": f"Basic {admin}"},
                        {"Authorization": admin},
                        {"Authorization": "Bearer "},
                        {"Authorization": f"Bearer {admin}", "X-API-Key": admin},
                        {"X-API-Key": typo},
                        {"Cookie": f"token={admin}"},
                    ]
                )
            ),
            Bearer("expired", _bearing(expired.text)),
            Bearer("revoked", _bearing(revoked.text)),
            Bearer("foreign", _bearing(foreign.text), elsewhere=Role.ADMIN),
            *(Bearer(role.value, _bearing(one.text), role) for role, one in good.items()),
            Bearer("admin by key", {"X-API-Key": admin}, Role.ADMIN),
        ]

    async def restore(self) -> None:
        """Make again what an earlier request may have removed."""
        world, gateway = self.client.world, self.client.world.gateway
        servers = {one.server.name for one in await gateway.servers.list(OPERATOR, "demo")}
        if "git" not in servers:
            await world.server("git", log="x")
        if "new" in servers:
            await gateway.servers.remove(OPERATOR, "demo", "new")
        await gateway.secrets.set(OPERATOR, "demo", "git", "KEY", Secret("x"))
        victim = await gateway.tokens.issue(OPERATOR, "demo", VICTIM, Role.READONLY)
        self.values["token"] = victim.token.id
        await gateway.tools.rule(OPERATOR, "demo", "git__log", ToolClass.READ)
        if "call" not in self.values:
            self.client.token = self.admin.headers["Authorization"].removeprefix("Bearer ")
            await self.client.modern("tools/call", "git__log", name="git__log")
            ((_, event),) = await gateway.audit.find(OPERATOR, "demo", CallFilter())
            self.values["call"] = event.call_id
        acts = await gateway.audit.acts(OPERATOR, "demo", ActFilter(newest=1))
        self.values["act"] = acts[-1].act_id

    async def ask(
        self, route: Route, way: Way, bearer: Bearer, values: Mapping[str, str] | None = None
    ) -> Seen:
        """Ask for a route as somebody, by the ids of an admin's session where one is needed."""
        values = {**self.values, **(values or {})}
        text = json.dumps([way.query, way.headers])
        if "{session}" in text or "{stream}" in text:
            owner = bearer if bearer.role is not None else self.admin
            values["session"] = await self._session(owner)
        async with self._stream("{stream}" in text, bearer, values):
            query, headers = (
                {name: value.format(**values) for name, value in one.items()}
                for one in (way.query, way.headers)
            )
            path = route.path.format(**values)
            body = None if way.body is None else json.dumps(way.body).encode()
            usual = {"Content-Type": "application/json"} if body is not None else {}
            async with self.client.http.request(
                route.method,
                self.client.url + path,
                params=query,
                data=body,
                headers={**usual, **headers, **bearer.headers},
            ) as response:
                is_endless = response.content_type == "text/event-stream"
                content = b"" if is_endless else await response.read()
                told = tuple(one for one in response.raw_headers if one[0] != b"Date")
                return Seen(response.status, told, content)

    async def _session(self, bearer: Bearer) -> str:
        headers = {**bearer.headers, "Content-Type": "application/json"}
        url = f"{self.client.url}/ws/demo"
        async with self.client.http.post(url, json=INITIALIZE, headers=headers) as response:
            return response.headers["Mcp-Session-Id"]

    def _stream(self, is_needed: bool, bearer: Bearer, values: dict[str, str]) -> "_Stream":
        owner = bearer if bearer.role is not None else self.admin
        return _Stream(self.client, owner if is_needed else None, values)


class _Stream:
    """A stream of the transport HTTP+SSE; its key is put into `values`."""

    def __init__(self, client: Client, owner: Bearer | None, values: dict[str, str]) -> None:
        self._client = client
        self._owner = owner
        self._values = values

    async def __aenter__(self) -> None:
        if self._owner is not None:
            headers = {**self._owner.headers, "Accept": "text/event-stream"}
            url = f"{self._client.url}/ws/demo/sse"
            self._response = await self._client.http.get(url, headers=headers)
            await self._response.content.readline()
            line = await self._response.content.readline()
            self._values["stream"] = line.decode().strip().partition("session_id=")[2]

    async def __aexit__(self, *_: object) -> None:
        if self._owner is not None:
            self._response.close()


def _bearing(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def everything(client: Client) -> Iterator[tuple[Route, Way]]:
    """Return every route of the router, each in all ways of asking for it."""
    gateway = client.world.gateway
    for route in build_routes(gateway, 10_000, Streams(gateway.spawn)).table:
        kind = () if route.is_meant is None else ("instead",)
        for way in WAYS[(route.method, route.path, *kind)]:
            yield route, way


def is_let_in(route: Route, bearer: Bearer) -> bool | None:
    """Say what the policy says: None to whom it does not know."""
    if isinstance(route.policy, Public):
        return True
    if isinstance(route.policy, OfToken):
        action, role = route.policy.action, bearer.own_role
    else:
        action, role = route.policy, bearer.role
    if role is None:
        return None
    principal = Principal("tok", "somebody", role, "workspace")
    return decide(principal, action, "workspace").is_allowed


@pytest.fixture
async def stage(client: Client) -> Stage:
    stage = Stage(client)
    await stage.set()
    return stage


async def test_the_policy_decides_everywhere(stage: Stage) -> None:
    deviations, asked = [], 0
    for route, way in everything(stage.client):
        for bearer in stage.bearers:
            await stage.restore()
            seen = await stage.ask(route, way, bearer)
            welcome = (200, 201, 202, 204, 404) if _is_own_only(route) else (200, 201, 202, 204)
            expected = {True: welcome, False: (403,), None: (401,)}[is_let_in(route, bearer)]
            asked += 1
            if seen.status not in expected:
                deviations.append((route.method, route.path, way.transport, bearer.name, seen))
    assert deviations == []
    assert asked > 700


def _is_own_only(route: Route) -> bool:
    """Say whether others' things are as if they were not there: only calls are one's own."""
    return route.path.endswith("/calls/{call}")


async def test_nobody_learns_which_workspaces_there_are(stage: Stage) -> None:
    """Unknown and foreign workspace, expired and revoked token: one answer, byte by byte."""
    named = {bearer.name: bearer for bearer in stage.bearers}
    for route, way in everything(stage.client):
        if "{slug}" not in route.path or isinstance(route.policy, Public):
            continue
        await stage.restore()
        answers = {
            "foreign": await stage.ask(route, way, named["foreign"]),
            "unknown": await stage.ask(route, way, stage.admin, {"slug": "nowhere"}),
            "other": await stage.ask(route, way, stage.admin, {"slug": "other"}),
            "expired": await stage.ask(route, way, named["expired"]),
            "revoked": await stage.ask(route, way, named["revoked"]),
            "none": await stage.ask(route, way, named["none"]),
        }
        assert len(set(answers.values())) == 1, (route.method, route.path, answers)
        assert answers["unknown"].status == 401


async def test_things_of_another_workspace_are_not_there(stage: Stage) -> None:
    """Nothing is found by its id in a workspace that it is not in."""
    await stage.restore()
    there = {"slug": "other"}
    foreign = next(one for one in stage.bearers if one.name == "foreign")
    foreign = replace(foreign, role=Role.ADMIN)
    for route, way in everything(stage.client):
        things = {"{server}", "{token}", "{tool}", "{call}", "{act}"}
        if any(thing in route.path for thing in things) and way.transport == "api":
            seen = await stage.ask(route, way, foreign, there)
            assert seen.status == 404, (route.method, route.path, seen)
    with pytest.raises(GatewayError):
        await stage.client.world.gateway.servers.show(OPERATOR, "other", "git")
