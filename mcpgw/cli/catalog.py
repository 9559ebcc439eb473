"""`mcpgw catalog search|list|show`: what can be added by name. Needs no data directory."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcpgw.cli.invocation import Invocation, command, group
from mcpgw.cli.output import counted, print_fields, print_json, print_table, say
from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import (
    Auth,
    CatalogEntry,
    Field,
    Origin,
    Remote,
    Way,
    fields_of,
    kind_of,
    obstacle,
)
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.catalog import Catalog

catalogs = group("The catalog: servers that can be added by name.")

SEARCH_EXAMPLES = [
    "catalog search github",
    "catalog search postgres sql",
    "catalog search weather --registry        asks the official MCP registry",
]

All = Annotated[
    bool, typer.Option("--all", help="Also what is badly founded, or archived by its makers.")
]
Category = Annotated[
    str | None, typer.Option("--category", metavar="NAME", help="One category only.")
]

MAX_DESCRIPTION = 72
"""Characters of a description in a table."""


@command(catalogs, "search", examples=SEARCH_EXAMPLES, in_workspace=False)
async def search(
    asked: Invocation,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="All must be found.")],
    is_all: All = False,
    category: Category = None,
    is_registry: Annotated[
        bool, typer.Option("--registry", help="Ask the MCP registry instead.")
    ] = False,
) -> None:
    """Search names, titles, tags and descriptions; the best comes first.

    The registry's entries are their publishers' words: nobody has checked them. Its answers are
    kept for an hour.
    """
    origin = Origin.REGISTRY if is_registry else Origin.BUNDLED
    found = await _catalog(asked).search(
        OPERATOR, words, origin=origin, category=category or "", is_all=is_all
    )
    _print_entries(asked, found)
    if not found:
        more = "" if is_registry else " or look in the registry with --registry"
        say(f"nothing found; try fewer words{'' if is_all or is_registry else ', --all,'}{more}")


@command(catalogs, "list", examples=["catalog list --category databases"], in_workspace=False)
async def list_entries(asked: Invocation, is_all: All = False, category: Category = None) -> None:
    """List the entries by name."""
    found = await _catalog(asked).search(OPERATOR, category=category or "", is_all=is_all)
    if category and not found:
        known = {one.category for one in await _catalog(asked).search(OPERATOR, is_all=True)}
        raise InvalidInput(
            f"no entry has the category {category[:40]!r}", f"there are: {', '.join(sorted(known))}"
        )
    _print_entries(asked, sorted(found, key=lambda entry: entry.slug))


@command(catalogs, "show", examples=["catalog show github"], in_workspace=False)
async def show(
    asked: Invocation,
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="As in the first column.")],
) -> None:
    """Show the ways to a server, what each needs, and where the facts come from.

    A name with a slash, as in io.github.user/weather, is looked up in the registry.
    """
    entry = await _catalog(asked).show(OPERATOR, slug)
    if asked.is_json:
        print_json(described(entry))
        return
    fields = [
        ("slug", entry.slug),
        ("title", entry.title),
        ("what", entry.description),
        ("category", entry.category),
        ("made by", entry.maintainer),
        ("homepage", entry.homepage),
        ("confidence", entry.confidence.value + (", archived" if entry.is_archived else "")),
    ]
    for way in entry.ways:
        fields.append((kind_of(way), _summary(entry, way)))
        fields += [(f"  {name}", _needs(one)) for name, one in fields_of(entry, way).items()]
    fields += [("note", note) for note in entry.notes]
    fields += [("source", source) for source in entry.sources]
    print_fields((name, value) for name, value in fields if value)
    say(f"next: mcpgw server add {entry.slug}")


def described(entry: CatalogEntry) -> dict[str, Any]:
    """Return what JSON says of an entry."""
    return {
        "slug": entry.slug,
        "title": entry.title,
        "description": entry.description,
        "category": entry.category,
        "maintainer": entry.maintainer,
        "tags": list(entry.tags),
        "homepage": entry.homepage,
        "confidence": entry.confidence.value,
        "is_archived": entry.is_archived,
        "origin": entry.origin.value,
        "ways": [_described_way(entry, way) for way in entry.ways],
        "notes": list(entry.notes),
        "sources": list(entry.sources),
    }


def _described_way(entry: CatalogEntry, way: Way) -> dict[str, Any]:
    fields = [
        {
            "name": name,
            "is_secret": one.is_secret,
            "is_required": one.is_required,
            "description": one.description,
            "where": one.where,
        }
        for name, one in fields_of(entry, way).items()
    ]
    place = {"url": way.url} if isinstance(way, Remote) else {"package": way.identifier}
    return {
        "kind": kind_of(way),
        **place,
        "obstacle": obstacle(entry, way) or None,
        "has_read_only_switch": way.read_only is not None,
        "fields": fields,
    }


def _catalog(asked: Invocation) -> "Catalog":
    from mcpgw.bootstrap import open_catalog  # late: this is what takes long to import

    return open_catalog(asked.config())


def _print_entries(asked: Invocation, found: "list[CatalogEntry] | Any") -> None:
    if asked.is_json:
        print_json([described(entry) for entry in found])
        return
    rows = [
        (entry.slug, _kinds(entry), entry.confidence.value, _cut(entry.description))
        for entry in found
    ]
    print_table(("SLUG", "HOW", "CONFIDENCE", "WHAT"), rows, is_colored=not asked.is_plain)
    if found:
        count = counted(len(found), "entry").replace("entrys", "entries")
        say(f"{count}; more on one: mcpgw catalog show SLUG")


def _kinds(entry: CatalogEntry) -> str:
    """Return the ways that can be gone, or what stands in the way of all."""
    usable = dict.fromkeys(kind_of(way) for way in entry.ways if not obstacle(entry, way))
    if usable:
        return " ".join(usable)
    is_login = any(isinstance(way, Remote) and way.auth is Auth.OAUTH for way in entry.ways)
    return "(login)" if is_login else "(none)"


def _summary(entry: CatalogEntry, way: Way) -> str:
    place = way.url if isinstance(way, Remote) else way.identifier
    parts = [place, obstacle(entry, way), way.note]
    if way.read_only is not None:
        parts.append("read-only unless told otherwise" if way.read_only.is_default else "")
        parts.append("" if way.read_only.is_default else "has a switch for --read-only")
    return "; ".join(part for part in parts if part)


def _needs(field: Field) -> str:
    need = {True: "needed", False: "optional", None: "perhaps needed"}[field.is_required]
    kind = "secret" if field.is_secret else "setting"
    where = f"get it: {field.where}" if field.where else ""
    return "; ".join(part for part in (f"{kind}, {need}", field.description, where) if part)


def _cut(text: str) -> str:
    return (
        text
        if len(text) <= MAX_DESCRIPTION
        else text[: MAX_DESCRIPTION - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
