"""The catalog that is part of the package: facts on known MCP servers, with their sources.

They were gathered from public registries and the repositories of vendors, and not verified by
connecting; `bundled.json` says how well each entry is founded. One entry stands on each line.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from mcpgw.errors import NotFound
from mcpgw.model.catalog import CatalogEntry

FILE = Path(__file__).with_name("bundled.json")


class _File(msgspec.Struct):
    """What is read of the file."""

    entries: list[CatalogEntry]


class BundledCatalog:
    """The entries of the package, read when first asked for."""

    async def find(self, words: Sequence[str]) -> Sequence[CatalogEntry]:
        """Return all entries: choosing among so few is the caller's."""
        return self._file.entries

    async def get(self, slug: str) -> CatalogEntry:
        """Return one entry.

        Raises:
            NotFound: there is none of that name.
        """
        entry = self._by_slug.get(slug)
        if entry is None:
            raise NotFound(f"the catalog has no {slug[:80]!r}", "see: mcpgw catalog search WORD")
        return entry

    @cached_property
    def _by_slug(self) -> Mapping[str, CatalogEntry]:
        return {entry.slug: entry for entry in self._file.entries}

    @cached_property
    def _file(self) -> _File:
        return msgspec.json.decode(FILE.read_bytes(), type=_File)
