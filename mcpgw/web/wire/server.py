"""Servers as the API tells of them: reached by URL, and nothing by which a process could be made.

What may hold a credential that somebody wrote into a launch is left out: values of headers that
refer to no secret, the query of a URL, and of a child process all but its program's name.
"""

from pathlib import PurePath
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from mcpgw.gateway.server import ServerSeen, Tried
from mcpgw.model.secret import references
from mcpgw.model.server import MAX_NAME, HttpLaunch, Launch, StdioLaunch
from mcpgw.model.server import Server as ServerRecord
from mcpgw.web.wire.moment import Moment, moment, seconds_of

HIDDEN = "***"
"""Stands for what is not told."""


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header that goes to the server; `${secret:NAME}` in its value is filled in when it does."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    value: Annotated[str, Meta(max_length=8192)]


class NewServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server to add. It is connected to first, unless it lacks a secret or `test` is false.

    `prefix` stands before the names of its tools; without it that is `name`.
    """

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
    url: Annotated[str, Meta(max_length=2048, description="https://...")]
    headers: Annotated[tuple[Header, ...], Meta(max_length=32)] = ()
    prefix: Annotated[str, Meta(max_length=31)] | None = None
    test: bool = True

    def launch(self) -> HttpLaunch:
        """Return how it is reached."""
        return HttpLaunch(self.url, tuple((one.name, one.value) for one in self.headers))


class ServerSwitch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a server is on."""

    is_enabled: bool


class Server(Struct, frozen=True, kw_only=True):
    """A server. One of transport `http` has `url`, one of transport `stdio` has `program`.

    `secrets` are those that it refers to. `is_approved` says that an admin may switch a child
    process on and off; `is_private_allowed`, that its URL may lead to a private network.
    """

    name: str
    id: str
    transport: str
    is_enabled: bool
    is_approved: bool
    is_private_allowed: bool
    prefix: str
    created_at: Moment
    url: str | None
    headers: tuple[Header, ...]
    program: str | None
    secrets: tuple[str, ...]
    missing_secrets: tuple[str, ...]

    @classmethod
    def of(cls, seen: ServerSeen) -> "Server":
        """Return what there is to tell of a record."""
        server, launch = seen.server, seen.server.launch
        http = launch if isinstance(launch, HttpLaunch) else None
        return cls(
            name=server.name,
            id=server.id,
            transport=server.transport,
            is_enabled=server.is_enabled,
            is_approved=server.is_approved,
            is_private_allowed=server.is_private_allowed,
            prefix=server.prefix,
            created_at=moment(server.created_at),
            url=None if http is None else _shown_url(http.url),
            headers=() if http is None else _shown_headers(http),
            program=PurePath(launch.command[0]).name if isinstance(launch, StdioLaunch) else None,
            secrets=seen.secret_names,
            missing_secrets=seen.missing_secrets,
        )

    def seen(self) -> ServerSeen:
        """Return the record, as far as it is told."""
        server = ServerRecord(
            id=self.id,
            workspace_id="",
            name=self.name,
            prefix=self.prefix,
            launch=self._launch(),
            is_enabled=self.is_enabled,
            created_at=seconds_of(self.created_at),
            is_approved=self.is_approved,
            is_private_allowed=self.is_private_allowed,
        )
        return ServerSeen(server, self.secrets, self.missing_secrets)

    def _launch(self) -> Launch:
        if self.url is None:
            return StdioLaunch((self.program or HIDDEN, HIDDEN))
        return HttpLaunch(self.url, tuple((one.name, one.value) for one in self.headers))


class ServerTest(Struct, frozen=True, kw_only=True):
    """What a connection found: how many of each the server offers, and how long it took."""

    tools: int
    prompts: int
    resources: int
    duration_ms: float

    @classmethod
    def of(cls, tried: Tried) -> "ServerTest":
        """Return what there is to tell of a record."""
        return cls(
            tools=tried.tools,
            prompts=tried.prompts,
            resources=tried.resources,
            duration_ms=tried.duration_us / 1000,
        )

    def tried(self, server: ServerRecord) -> Tried:
        """Return the record, of that server."""
        duration_us = round(self.duration_ms * 1000)
        return Tried(server, self.tools, self.prompts, self.resources, duration_us)


class AddedServer(Struct, frozen=True, kw_only=True):
    """A server that was added; `test` is null when it was not connected to."""

    server: Server
    test: ServerTest | None


def _shown_url(url: str) -> str:
    return url if not urlsplit(url).query else f"{url.partition('?')[0]}?{HIDDEN}"


def _shown_headers(launch: HttpLaunch) -> tuple[Header, ...]:
    return tuple(
        Header(name=name, value=value if references(value) else HIDDEN)
        for name, value in launch.headers
    )
