"""The parameters of a request's URL, read strictly: a misspelt one is an error, not a default."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from mcpgw.errors import InvalidInput

Choice = TypeVar("Choice", bound=StrEnum)

FLAGS = {"1": True, "true": True, "0": False, "false": False}


class Query:
    """The parameters of one request."""

    def __init__(self, request: web.BaseRequest, known: Sequence[str]) -> None:
        self._given = request.query
        for name in self._given:
            if name not in known or len(self._given.getall(name)) > 1:
                raise InvalidInput(
                    f"the parameter {name[:40]!r} is unknown here, or stands twice",
                    f"there are: {', '.join(known)}",
                )

    def text(self, name: str) -> str:
        """Return a text, empty when it is not given."""
        return self._given.get(name, "")

    def word(self, name: str, words: Sequence[str]) -> str:
        """Return one of several words, the first one when it is not given.

        Raises:
            InvalidInput: it is another one.
        """
        written = self._given.get(name, words[0])
        if written not in words:
            raise InvalidInput(f"{name} is one of {', '.join(words)}")
        return written

    def names(self, name: str) -> Sequence[str]:
        """Return names that commas separate, each once."""
        return list(dict.fromkeys(filter(None, self.text(name).split(","))))

    def flag(self, name: str, default: bool = False) -> bool:
        """Return whether something is wished.

        Raises:
            InvalidInput: it says neither yes nor no.
        """
        if name not in self._given:
            return default
        if self._given[name] not in FLAGS:
            raise InvalidInput(f"{name} is 1 or 0")
        return FLAGS[self._given[name]]

    def number(self, name: str, default: int, most: int) -> int:
        """Return a number.

        Raises:
            InvalidInput: it is none from 1 to `most`.
        """
        written = self._given.get(name, str(default))
        is_number = written.isascii() and written.isdigit() and len(written) <= len(str(most))
        if not is_number or not 0 < int(written) <= most:
            raise InvalidInput(f"{name} is a number from 1 to {most}")
        return int(written)

    def choice(self, name: str, kind: type[Choice], default: Choice) -> Choice:
        """Return one of a kind's words. Raises as `word`."""
        return kind(self.word(name, [*dict.fromkeys((default, *kind))]))
