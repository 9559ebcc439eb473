"""`mcpgw server add SLUG`: from an entry of the catalog to a server, with questions on the way.

Nothing is asked when nobody sits at the terminal; then values come by options, and secrets from the
environment or later. A secret never stands in the arguments. Nothing runs before it was shown.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcpgw.cli.output import say
from mcpgw.cli.place import Place
from mcpgw.cli.prompt import ask, ask_secret, confirm, is_terminal, read_secret
from mcpgw.errors import Conflict, InvalidInput, NotFound
from mcpgw.model.catalog import (
    CatalogEntry,
    Field,
    Package,
    Remote,
    Way,
    fields_of,
    kind_of,
    obstacle,
    runtime_of,
    server_name,
)
from mcpgw.model.secret import Secret
from mcpgw.model.server import HttpLaunch, Launch
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.catalog import Plan
    from mcpgw.gateway.server import ServerSeen, Tried


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says about an entry. `secrets` and `from_env` are names only."""

    slug: str
    name: str = ""
    via: str = ""
    pin: str = ""
    is_read_only: bool = False
    settings: Sequence[str] = ()
    secrets: Sequence[str] = ()
    from_env: Sequence[str] = ()
    prefix: str | None = None
    is_untried: bool = False
    is_confirmed: bool = False


async def add_entry(place: Place, given: Given) -> tuple["Plan", "ServerSeen", "Tried | None"]:
    """Guide from an entry to a server that was tried.

    Raises:
        NotFound: there is no such entry, its package is gone, or what runs it is not installed.
        InvalidInput: this version can go no way to it, or a value is missing.
        UpstreamError: the server could not be reached or speaks no MCP; nothing was saved.
    """
    # Late: this is what takes long to import, and help must not wait for it.
    from mcpgw.gateway.catalog import Wanted

    additions = place.at_the_box.additions
    entry = await _entry(place, given.slug)
    way = await additions.choose(OPERATOR, place.slug, entry, given.via)
    await _check_free(place, given, entry)
    _introduce(entry, way)
    answers = _answers(entry, way, given)
    names, values = _secrets(entry, way, given)
    wanted = Wanted(
        entry=entry,
        name=given.name,
        via=kind_of(way),
        version=given.pin,
        is_read_only=given.is_read_only,
        answers=answers,
        secrets=names,
    )
    if isinstance(way, Package):
        say(f"  asking for {'the version' if given.pin else 'the newest version'}")
    plan = await additions.plan(OPERATOR, place.slug, wanted)
    say(f"  {'reaches' if isinstance(way, Remote) else 'runs'} {where(plan.launch)}")
    if plan.needs_consent:
        confirm("Nobody vouches for it", plan.name, given.is_confirmed)
    if not given.is_untried and set(names) <= set(values):
        say("  trying it")
    seen, tried = await additions.add(
        OPERATOR,
        place.slug,
        plan,
        values,
        prefix=given.prefix,
        is_tried=not given.is_untried,
        has_consent=True,
    )
    return plan, seen, tried


def where(launch: Launch) -> str:
    """Return how a server is reached or started, on one line."""
    return launch.url if isinstance(launch, HttpLaunch) else shlex.join(launch.command)


def refuse_with_entry(
    target: Sequence[str] | None,
    headers: Sequence[str] | None,
    env: Sequence[str] | None,
    cwd: str | None,
) -> None:
    """Refuse what makes no sense beside an entry of the catalog.

    Raises:
        InvalidInput: something of it is given.
    """
    if target or headers or env or cwd is not None:
        raise InvalidInput(
            "neither a URL nor a command is given, or both and an entry of the catalog",
            "an entry takes --set, --secret and --from-env; else: mcpgw server add NAME URL, or"
            " mcpgw server add NAME -- COMMAND ARGS...",
        )


def refuse_without_entry(given: Given) -> None:
    """Refuse what only an entry of the catalog has.

    Raises:
        InvalidInput: something of it is given.
    """
    options = (given.via, given.pin, given.settings, given.secrets, given.from_env)
    if any(options) or given.is_read_only:
        raise InvalidInput(
            "--via, --pin, --set, --secret, --from-env and --read-only belong to the catalog",
            "write the command or the URL as it shall be; secrets as ${secret:NAME}",
        )


async def _entry(place: Place, slug: str) -> CatalogEntry:
    try:
        return await place.at_the_box.catalog.show(OPERATOR, slug)
    except NotFound as error:
        found = await place.at_the_box.catalog.search(OPERATOR, [slug]) if "/" not in slug else []
        meant = ", ".join(one.slug for one in found[:5])
        hint = f"did you mean {meant}?" if meant else "see: mcpgw catalog search WORD;"
        raise NotFound(
            error.message, f"{hint} or give a URL or a command: mcpgw server add --help"
        ) from None


async def _check_free(place: Place, given: Given, entry: CatalogEntry) -> None:
    """Refuse a name that is taken before anybody types a secret for it."""
    name = given.name or server_name(entry.slug)
    seen = await place.gateway.servers.list(OPERATOR, place.slug)
    if any(one.server.name == name for one in seen):
        raise Conflict(
            f"{place.slug} has a server {name!r} already",
            f"give it another name: mcpgw server add NAME --catalog {entry.slug}",
        )


def _introduce(entry: CatalogEntry, way: Way) -> None:
    say(f"{entry.title}: {entry.description}")
    for other in entry.ways:
        if other == way:
            break
        reason = obstacle(entry, other)
        if not reason and isinstance(other, Package):
            reason = f"needs {runtime_of(other)}, which is not installed"
        if reason:
            place = other.url if isinstance(other, Remote) else other.identifier
            say(f"  not {place}: it {reason}")
    for note in (*entry.notes, way.note):
        if note:
            say(f"  note: {note}")


def _answers(entry: CatalogEntry, way: Way, given: Given) -> Mapping[str, str]:
    """Return the values of fields that are no secrets: given, or asked for where needed."""
    answers = {}
    for setting in given.settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput("a --set has no '='", "use --set NAME=VALUE")
        answers[name] = value
    for name, field in fields_of(entry, way).items():
        if field.is_required and not field.is_secret and name not in answers and is_terminal():
            if field.description:
                say(f"  {name}: {field.description}")
            answers[name] = ask(name, field.default)
    return answers


def _secrets(
    entry: CatalogEntry, way: Way, given: Given
) -> tuple[Sequence[str], Mapping[str, Secret]]:
    """Return the secrets that the launch refers to, and the values that are there already."""
    known = {name: one for name, one in fields_of(entry, way).items() if one.is_secret}
    chosen = {*given.secrets, *given.from_env}
    for name in chosen:
        if name not in known:
            raise InvalidInput(
                f"{entry.slug} takes no secret of that name; a value must not stand there",
                f"its secrets: {', '.join(known) or 'none'}",
            )
    names: list[str] = []
    values: dict[str, Secret] = {}
    for name, field in known.items():
        if name in given.from_env:
            values[name] = read_secret(name, "", None, name)
        elif field.is_required is False and name not in chosen:
            say(f"  left out: {name} ({field.description or 'optional'}); add it: --secret {name}")
            continue
        elif is_terminal():
            is_needed = bool(field.is_required) or name in chosen
            value = _ask(name, field, is_needed)
            if value is None:
                continue
            values[name] = value
        names.append(name)
    return names, values


def _ask(name: str, field: Field, is_needed: bool) -> Secret | None:
    """Ask for a secret; None when it is left out."""
    say(f"  {field.description or name}{'' if is_needed else ' (Enter leaves it out)'}")
    if field.where:
        say(f"  get it: {field.where}")
    value = ask_secret(name)
    if value.reveal():
        return value
    if is_needed:
        raise InvalidInput(f"{name} is needed", f"get one: {field.where}" if field.where else "")
    return None
