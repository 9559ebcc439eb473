"""Entries of the catalog as the API tells of them, and what it takes to add one."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct, field

from mcpgw.model.catalog import CatalogEntry, kind_of, obstacle
from mcpgw.model.secret import MAX_SECRET_BYTES
from mcpgw.model.server import MAX_NAME
from mcpgw.web.wire.page import PageQuery

Value = Annotated[str, Meta(max_length=2048)]
SecretText = Annotated[str, Meta(min_length=1, max_length=MAX_SECRET_BYTES)]


class CatalogQuery(PageQuery, frozen=True, kw_only=True):
    """Which entries: those that the words are found in, of one category.

    `all` shows badly founded and archived entries too.
    """

    words: Annotated[str, Meta(max_length=200)] = ""
    category: Annotated[str, Meta(max_length=64)] = ""
    is_all: bool = field(default=False, name="all")


class EntryField(Struct, frozen=True, kw_only=True):
    """A value that an entry asks for; `where` says where to get it."""

    name: str
    is_secret: bool
    is_required: bool | None
    description: str
    where: str
    default: str


class EntryWay(Struct, frozen=True, kw_only=True):
    """A way to an entry's server: `remote`, or the registry of a package.

    `obstacle` says why it cannot be gone, empty when it can: by an admin if it is remote, by the
    operator at the box if it is a package.
    """

    kind: str
    obstacle: str


class Entry(Struct, frozen=True, kw_only=True):
    """An entry of the catalog."""

    name: str
    title: str
    description: str
    category: str
    homepage: str
    confidence: str
    ways: tuple[EntryWay, ...]
    fields: tuple[EntryField, ...]

    @classmethod
    def of(cls, entry: CatalogEntry) -> "Entry":
        """Return what there is to tell of a record."""
        ways = (EntryWay(kind=kind_of(way), obstacle=obstacle(entry, way)) for way in entry.ways)
        asked = (
            EntryField(
                name=name,
                is_secret=one.is_secret,
                is_required=one.is_required,
                description=one.description,
                where=one.where,
                default=one.default,
            )
            for name, one in entry.fields.items()
        )
        return cls(
            name=entry.slug,
            title=entry.title,
            description=entry.description,
            category=entry.category,
            homepage=entry.homepage,
            confidence=entry.confidence.value,
            ways=tuple(ways),
            fields=tuple(asked),
        )


class NewFromCatalog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hosted server of the catalog to add. It is connected to first, unless it lacks a secret.

    `answers` are values of the entry's fields, `secrets` values that are sealed and never answered.
    `consent` says that somebody looked at an entry that nobody vouches for. Without a `name` it is
    called as the entry.
    """

    name: Annotated[str, Meta(max_length=MAX_NAME)] = ""
    read_only: bool = False
    answers: Annotated[Mapping[str, Value], Meta(max_length=32)] = field(default_factory=dict)
    secrets: Annotated[Mapping[str, SecretText], Meta(max_length=32)] = field(default_factory=dict)
    consent: bool = False

    def __repr__(self) -> str:
        """Hide the values."""
        return f"NewFromCatalog(name={self.name!r})"
