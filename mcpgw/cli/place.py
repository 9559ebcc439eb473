"""Where a command acts: the gateway on the data directory or one elsewhere, and the workspace."""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import nearest
from mcpgw.cli.stderr_log import QUIET, log_to_stderr
from mcpgw.cli.target import DEFAULT_WORKSPACE, is_elsewhere, remote_target, warn_of
from mcpgw.config import Config
from mcpgw.errors import Forbidden, NotFound, StorageError
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.cli.remote.gateway import RemoteGateway
    from mcpgw.gateway.gateway import Gateway

REMEMBERED_FILE = "workspace"
"""In the data directory: what `workspace use` chose."""


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway, and one workspace in it. `now` is when the command began, in UTC seconds."""

    gateway: "Gateway | RemoteGateway"
    slug: str
    now: float

    @property
    def at_the_box(self) -> "Gateway":
        """The gateway, for what cannot be done with one elsewhere.

        Raises:
            Forbidden: it is elsewhere.
        """
        from mcpgw.gateway.gateway import Gateway  # late, as below

        if not isinstance(self.gateway, Gateway):
            raise _only_at_the_box()
        return self.gateway

    async def known_server(self, name: str) -> str:
        """Return `name`.

        Raises:
            NotFound: no server has it; says which one may be meant.
        """
        known = [seen.server.name for seen in await self.gateway.servers.list(OPERATOR, self.slug)]
        if name not in known:
            raise missing("server", name, known, f"in {self.slug}")
        return name


@asynccontextmanager
async def in_gateway(asked: Invocation, *, is_created: bool = False) -> AsyncIterator["Gateway"]:
    """Open the gateway for one command.

    Raises:
        NotFound: there is no data directory and none may be made.
        Conflict: it was written by a newer version.
        StorageError: it cannot be used.
    """
    # Late: this is what takes long to import, and help must not wait for it.
    from mcpgw.bootstrap import open_gateway

    log_to_stderr("debug" if asked.is_debug else QUIET)
    async with open_gateway(asked.config(), is_created=is_created) as gateway:
        yield gateway


@asynccontextmanager
async def at_the_box(asked: Invocation) -> AsyncIterator["Gateway"]:
    """Open the gateway for a command that cannot be meant for one elsewhere.

    Raises:
        Forbidden: one elsewhere is named; besides what `in_gateway` raises.
    """
    if is_elsewhere(asked):
        raise _only_at_the_box()
    async with in_gateway(asked) as gateway:
        yield gateway


@asynccontextmanager
async def in_gateway_elsewhere(asked: Invocation) -> AsyncIterator["RemoteGateway"]:
    """Open the gateway that MCPGW_URL names, with the token of MCPGW_TOKEN.

    Raises:
        InvalidInput: the URL is none, or holds a credential.
        Unauthenticated: there is no token for it.
    """
    from mcpgw.cli.remote.gateway import open_remote  # late: it brings an HTTP client

    target = remote_target(asked)
    warn_of(target.url)
    async with open_remote(target, asked.config().max_message_bytes) as gateway:
        yield gateway


@asynccontextmanager
async def in_workspace(asked: Invocation) -> AsyncIterator[Place]:
    """Open the gateway for a command that acts in one workspace, here or elsewhere.

    Raises:
        NotFound: there is no such workspace, besides what `in_gateway` raises.
    """
    if is_elsewhere(asked):
        async with in_gateway_elsewhere(asked) as elsewhere:
            yield Place(elsewhere, elsewhere.target.slug, now())
        return
    async with in_gateway(asked) as gateway:
        known = [seen.workspace.slug for seen in await gateway.workspaces.list(OPERATOR)]
        slug = _chosen(asked.config(), known)
        if slug not in known:
            raise missing("workspace", slug, known)
        yield Place(gateway, slug, now())


def now() -> float:
    """Return UTC seconds since 1970."""
    from mcpgw.bootstrap import SystemClock  # late, as above

    return SystemClock().now()


def remember(config: Config, slug: str) -> None:
    """Make `slug` the workspace of commands that name none.

    Raises:
        StorageError: the data directory cannot be written.
    """
    path = config.home / REMEMBERED_FILE
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.touch(mode=0o600)
        unfinished.chmod(0o600)
        unfinished.write_text(f"{slug}\n")
        os.replace(unfinished, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from None


def remembered(config: Config) -> str:
    """Return what `workspace use` chose, empty when nothing is."""
    return _content(config.home / REMEMBERED_FILE)


def missing(noun: str, name: str, known: Iterable[str], where: str = "") -> NotFound:
    """Return the error for a name that nothing has."""
    names = list(known)
    there = f"there are: {', '.join(names)}" if names else f"add one: mcpgw {noun} --help"
    hint = " ".join(part for part in (nearest(name, names), there) if part)
    return NotFound(" ".join(part for part in (f"no {noun} {name[:63]!r}", where) if part), hint)


def _only_at_the_box() -> Forbidden:
    return Forbidden(
        "only the operator can do that, at the box; MCPGW_URL names a gateway elsewhere",
        "run it there; or unset MCPGW_URL, or name the data on this machine: --home DIR",
    )


def _chosen(config: Config, known: list[str]) -> str:
    """Return the workspace to act in: named, remembered, or the only one."""
    chosen = config.workspace or remembered(config)
    if chosen:
        return chosen
    return known[0] if len(known) == 1 else DEFAULT_WORKSPACE


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8")[:100].strip()
    except (OSError, ValueError):
        return ""
