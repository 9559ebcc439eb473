"""The catalog: search and show what can be added, and add it.

What an entry says is somebody's word: names and versions are checked, a package is pinned to one
exact version, and what comes from a registry or is badly founded is only added once a person agreed
to the very command or URL. Only the operator can add what runs here; over HTTP no process starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcpgw.errors import Forbidden, InvalidInput, NotFound
from mcpgw.gateway.current import Current
from mcpgw.gateway.permission import require
from mcpgw.gateway.ports import CatalogSource, PackageManagers
from mcpgw.gateway.secret import Secrets
from mcpgw.gateway.server import Servers, ServerSeen, Tried
from mcpgw.model.catalog import (
    CatalogEntry,
    Confidence,
    Origin,
    Package,
    Remote,
    Way,
    kind_of,
    obstacle,
    runtime_of,
    server_name,
)
from mcpgw.model.catalog_check import check_entry, check_version
from mcpgw.model.catalog_launch import launch
from mcpgw.model.policy import Action
from mcpgw.model.secret import Secret
from mcpgw.model.server import Launch
from mcpgw.model.token import Principal

INSTALLING = {
    "npx": "install Node.js, which brings npx: https://nodejs.org",
    "uvx": "install uv, which brings uvx: https://docs.astral.sh/uv",
    "docker": "install Docker: https://docs.docker.com/engine/install",
    "dnx": "install the .NET SDK 10 or newer, which brings dnx: https://dotnet.microsoft.com",
}
"""Where each program that runs packages comes from."""

_ORDER = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants of an entry.

    `via` names one of its ways, `version` pins a package to another one than the newest. `answers`
    are the values of its fields that are no secrets, `secrets` the names of those that will be set.
    """

    entry: CatalogEntry
    name: str = ""
    via: str = ""
    version: str = ""
    is_read_only: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be added: to be shown before it is.

    `version` is what the package was pinned to. `needs_consent` says that a person must agree.
    """

    entry: CatalogEntry
    way: Way
    name: str
    launch: Launch
    version: str
    needs_consent: bool


class Catalog:
    """What can be found in the catalog, and in the registry."""

    def __init__(self, bundled: CatalogSource, registry: CatalogSource) -> None:
        self._sources = {Origin.BUNDLED: bundled, Origin.REGISTRY: registry}

    async def search(
        self,
        principal: Principal,
        words: Sequence[str] = (),
        *,
        origin: Origin = Origin.BUNDLED,
        category: str = "",
        is_all: bool = False,
    ) -> Sequence[CatalogEntry]:
        """Return the entries that all words are found in, the best first.

        Args:
            principal: who asks.
            words: looked for in names, titles, tags and descriptions; no word finds everything.
            origin: where to look.
            category: one category only.
            is_all: whether badly founded and archived entries of the catalog are found too.

        Raises:
            UpstreamError: the registry cannot be asked.
        """
        require(principal, Action.READ_CONFIGURATION, principal.workspace_id)
        found = []
        for entry in await self._sources[origin].find(words):
            is_doubtful = entry.confidence is Confidence.LOW or entry.is_archived
            if is_doubtful and not is_all and origin is Origin.BUNDLED:
                continue
            rank = _rank(entry, words)
            if rank is not None and category in ("", entry.category):
                found.append((rank, _ORDER[entry.confidence], entry.slug, entry))
        return [entry for *_, entry in sorted(found, key=lambda one: one[:3])]

    async def show(self, principal: Principal, slug: str) -> CatalogEntry:
        """Return one entry: of the registry when its name has a slash, else of the catalog.

        Raises:
            NotFound: there is none of that name.
            UpstreamError: the registry cannot be asked.
        """
        require(principal, Action.READ_CONFIGURATION, principal.workspace_id)
        origin = Origin.REGISTRY if "/" in slug else Origin.BUNDLED
        return check_entry(await self._sources[origin].get(slug))


class Additions:
    """How entries become servers."""

    def __init__(
        self, current: Current, servers: Servers, secrets: Secrets, managers: PackageManagers
    ) -> None:
        self._current = current
        self._servers = servers
        self._secrets = secrets
        self._managers = managers

    async def choose(
        self, principal: Principal, slug: str, entry: CatalogEntry, via: str = ""
    ) -> Way:
        """Return the first way to an entry that can be gone by this principal on this machine.

        Raises:
            NotFound: what would run it is not installed.
            InvalidInput: this version can go none; says of each why.
            Forbidden: it runs here, which only the operator may order.
        """
        configuration = await self._current.configuration()
        require(principal, Action.CHANGE_CONFIGURATION, configuration.workspace(slug).id)
        ways = [way for way in entry.ways if via in ("", kind_of(way))]
        if not ways:
            known = ", ".join(dict.fromkeys(map(kind_of, entry.ways))) or "none"
            raise InvalidInput(f"{entry.slug} has no way {via[:40]!r}", f"its ways: {known}")
        usable = [way for way in ways if not obstacle(entry, way)]
        if not usable:
            reasons = dict.fromkeys(f"{_place(way)} {obstacle(entry, way)}" for way in ways)
            hint = f"see its homepage: {entry.homepage}" if entry.homepage else ""
            raise InvalidInput(f"{entry.slug}: " + "; ".join(reasons), hint)
        for way in usable:
            if isinstance(way, Remote):
                return way
            if principal.is_operator and self._managers.has(runtime_of(way)):
                return way
        if not principal.is_operator:
            raise Forbidden(
                f"{entry.slug} runs as a process of the gateway, which no request may start",
                f"ask the operator to run: mcpgw server add {entry.slug}",
            )
        raise _not_installed(entry, [way for way in usable if isinstance(way, Package)])

    async def plan(self, principal: Principal, slug: str, wanted: Wanted) -> Plan:
        """Return what would be added, a package pinned to its newest version as of now.

        Raises:
            NotFound: the package is gone, or what runs it is not installed.
            InvalidInput: a value is missing or unusable, or this version can go no way to it.
            Forbidden: it runs here, which only the operator may order.
            UpstreamError: the newest version cannot be told.
        """
        entry = check_entry(wanted.entry)
        way = await self.choose(principal, slug, entry, wanted.via)
        version = ""
        # First without the version: who forgot a value need not wait for a package manager.
        launched = self._launch(wanted, way, version)
        if isinstance(way, Package):
            require(principal, Action.OPERATE, None)
            asked = wanted.version or way.version
            if asked:
                check_version(way, asked)
            version = check_version(way, await self._managers.pin(way, asked))
            launched = self._launch(wanted, way, version)
        elif wanted.version:
            raise InvalidInput(f"{entry.slug} is hosted, and has no version to pin")
        needs_consent = entry.origin is Origin.REGISTRY or entry.confidence is Confidence.LOW
        name = wanted.name or server_name(entry.slug)
        return Plan(entry, way, name, launched, version, needs_consent)

    async def add(
        self,
        principal: Principal,
        slug: str,
        plan: Plan,
        secrets: Mapping[str, Secret],
        *,
        prefix: str | None = None,
        is_tried: bool = True,
        has_consent: bool = False,
    ) -> tuple[ServerSeen, Tried | None]:
        """Add what was planned; it is tried with its secrets before anything is saved.

        Args:
            principal: who asks.
            slug: the workspace.
            plan: what was shown.
            secrets: by name. Those that are missing can be set later; then it is not tried.
            prefix: what stands before its names; None means its name.
            is_tried: whether to connect first.
            has_consent: whether a person agreed to the plan.

        Raises:
            InvalidInput: the plan needs a person's consent, or a value is unusable.
            Conflict: the name is taken.
            UpstreamError: the server could not be reached or speaks no MCP; nothing was saved.
        """
        if plan.needs_consent and not has_consent:
            raise InvalidInput(
                f"{plan.entry.slug} needs a person's consent: nobody vouches for it",
                "look at what it runs or reaches, then confirm it",
            )
        seen, tried = await self._servers.add(
            principal,
            slug,
            plan.name,
            plan.launch,
            prefix=prefix,
            is_tried=is_tried,
            trial=secrets,
        )
        if not secrets:
            return seen, tried
        try:
            for name, value in secrets.items():
                await self._secrets.set(principal, slug, plan.name, name, value)
        except BaseException:
            await self._servers.remove(principal, slug, plan.name)
            raise
        return await self._servers.show(principal, slug, plan.name), tried

    async def add_from_catalog(
        self,
        principal: Principal,
        slug: str,
        wanted: Wanted,
        secrets: Mapping[str, Secret],
        *,
        has_consent: bool = False,
    ) -> tuple[ServerSeen, Tried | None]:
        """Plan and add in one step, for callers that showed the plan before. Raises as they do."""
        plan = await self.plan(principal, slug, wanted)
        return await self.add(principal, slug, plan, secrets, has_consent=has_consent)

    def _launch(self, wanted: Wanted, way: Way, version: str) -> Launch:
        return launch(
            wanted.entry,
            way,
            wanted.answers,
            wanted.secrets,
            version,
            is_read_only=wanted.is_read_only,
        )


def _rank(entry: CatalogEntry, words: Sequence[str]) -> int | None:
    """Return how far down an entry stands among what the words find, None when they do not."""
    named = f"{entry.slug} {entry.title}".lower()
    tagged = " ".join((*entry.tags, entry.category)).lower()
    rank = 0
    for word in map(str.lower, words):
        if word == entry.slug:
            continue
        if word in named:
            rank += 1
        elif word in tagged:
            rank += 2
        elif word in entry.description.lower():
            rank += 4
        else:
            return None
    return rank


def _place(way: Way) -> str:
    return way.url if isinstance(way, Remote) else f"{way.registry}:{way.identifier}"


def _not_installed(entry: CatalogEntry, packages: Sequence[Package]) -> NotFound:
    programs = dict.fromkeys(runtime_of(package) for package in packages)
    own = f"install it: {entry.homepage}"
    return NotFound(
        f"{entry.slug} runs with {' or '.join(programs)}, which is not installed here",
        "; or ".join(INSTALLING.get(program, own) for program in programs),
    )
