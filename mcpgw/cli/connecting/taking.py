"""Servers of clients become servers of a workspace, their credentials secrets of the vault.

Each server is taken over as a whole or not at all: one that lacks a part or does not answer is
taken back with its reason, and stays where it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcpgw.cli.connecting.source import Source
from mcpgw.cli.place import Place
from mcpgw.client_configs.found import Found, server_name
from mcpgw.errors import Conflict, Forbidden, InvalidInput, ProtocolError, UpstreamError
from mcpgw.model.secret import Secret
from mcpgw.model.server import Launch
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.server import ServerSeen

COSTS_ITSELF = (InvalidInput, Conflict, Forbidden, UpstreamError, ProtocolError)
"""What one server can do wrong; anything else ends the whole import."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server to take over, found in one or more clients. `name` is what it will be called."""

    name: str
    launch: Launch
    secrets: Mapping[str, Secret | None]
    is_there: bool

    def is_same(self, found: Found) -> bool:
        """Say whether an entry is this server too, with the same credentials."""
        return self.launch == found.read.launch and _values(self.secrets) == _values(
            found.read.secrets
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry, or is to: `reason` says why not, `missing` which secrets it lacks.

    `status` is `added`, `there` (it was already), `failed`, `refused`, `own` (it is a gateway of
    ours), or `new` as long as nothing was done.
    """

    status: str
    reason: str = ""
    missing: tuple[str, ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether the gateway has all of it, so that the client need not."""
        return self.status in ("added", "there") and not self.missing


def entries(sources: Sequence[Source]) -> Iterator[tuple[Source, Found]]:
    """Return every server of every file."""
    for source in sources:
        for found in source.found:
            yield source, found


def candidates(sources: Sequence[Source], present: Sequence["ServerSeen"]) -> list[Candidate]:
    """Return the servers to take over: the same one in two clients is one."""
    there = {seen.server.launch: seen.server.name for seen in present}
    taken = {seen.server.name for seen in present}
    found: list[Candidate] = []
    for _, entry in entries(sources):
        launch = entry.read.launch
        if launch is None or candidate_of(entry, found) is not None:
            continue
        name = there.get(launch) or server_name(entry.name, taken)
        taken.add(name)
        found.append(Candidate(name, launch, entry.read.secrets, launch in there))
    return found


def candidate_of(entry: Found, known: Sequence[Candidate]) -> Candidate | None:
    """Return what an entry becomes, None when it is not taken over."""
    return next((one for one in known if one.is_same(entry)), None)


async def take_over(place: Place, candidate: Candidate, *, is_tried: bool) -> Outcome:
    """Add one server with its secrets, and try it; when that fails it goes again.

    Raises:
        VaultLocked: the master key is not here.
        StorageError: nothing can be written.
    """
    servers = place.gateway.servers
    if candidate.is_there:
        seen = await servers.show(OPERATOR, place.slug, candidate.name)
        await _set_secrets(place, candidate, seen.missing_secrets)
        return await _outcome(place, candidate, "there")
    is_bare = not candidate.secrets
    try:
        await servers.add(
            OPERATOR,
            place.slug,
            candidate.name,
            candidate.launch,
            is_tried=is_tried and is_bare,
        )
    except COSTS_ITSELF as error:
        return Outcome("failed", error.message)
    try:
        await _set_secrets(place, candidate, tuple(candidate.secrets))
        outcome = await _outcome(place, candidate, "added")
        if is_tried and not is_bare and not outcome.missing:
            await servers.test(OPERATOR, place.slug, candidate.name)
        return outcome
    except BaseException as error:
        await servers.remove(OPERATOR, place.slug, candidate.name)
        if isinstance(error, COSTS_ITSELF):
            return Outcome("failed", error.message)
        raise


async def _set_secrets(place: Place, candidate: Candidate, names: Sequence[str]) -> None:
    for name in names:
        value = candidate.secrets.get(name)
        if value is not None:
            await place.gateway.secrets.set(OPERATOR, place.slug, candidate.name, name, value)


async def _outcome(place: Place, candidate: Candidate, status: str) -> Outcome:
    seen = await place.gateway.servers.show(OPERATOR, place.slug, candidate.name)
    return Outcome(status, missing=seen.missing_secrets)


def _values(secrets: Mapping[str, Secret | None]) -> dict[str, str | None]:
    return {name: None if value is None else value.reveal() for name, value in secrets.items()}
