"""What an endpoint of the API is: its route, and what its handler's annotations say of the JSON."""

import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from msgspec import Struct

from mcpgw.gateway.access import Admission
from mcpgw.model.policy import Action
from mcpgw.model.token import Principal
from mcpgw.web.wire.page import Query

PREFIX = "/api/v1/workspaces/{slug}"
"""What the path of every endpoint begins with."""

Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Struct | None)


@dataclass(frozen=True, slots=True)
class Asked(Generic[Q, B]):
    """One request, parsed: by whom, for which things of the path, with which query and body."""

    admission: Admission
    values: Mapping[str, str]
    query: Q
    body: B

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.admission.principal

    @property
    def slug(self) -> str:
        """In which workspace."""
        return self.admission.workspace.slug


Handler = Callable[[Asked[Any, Any]], Awaitable[Struct | None]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The JSON of an endpoint. A body or an answer that is None is empty."""

    query: type[Query]
    body: type[Struct] | None
    answer: Any


@dataclass(frozen=True, slots=True)
class Match:
    """What If-Match is held against: the ETag of what `reader` answers now."""

    reader: Handler
    is_required: bool


def may_match(reader: Handler) -> Match:
    """Return the match of a change that takes If-Match."""
    return Match(reader, is_required=False)


def must_match(reader: Handler) -> Match:
    """Return the match of a change that needs If-Match: else it could undo another unseen."""
    return Match(reader, is_required=True)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. `path` goes on from the workspace's.

    `made` is the path of what it makes, filled in from its answer; empty when it makes nothing.
    """

    method: str
    path: str
    action: Action
    handler: Handler
    match: Match | None = None
    made: str = ""

    @property
    def template(self) -> str:
        """The path of its route."""
        return PREFIX + self.path

    @property
    def shape(self) -> Shape:
        """What its handler takes and returns."""
        return _shape(self.handler)

    @property
    def status(self) -> int:
        """The HTTP status of its answer when all goes well."""
        if self.shape.answer is None:
            return 204
        return 201 if self.made else 200

    @property
    def has_tag(self) -> bool:
        """Whether its answer is what a GET of the same thing answers, and so has an ETag."""
        if self.match is None:
            return self.method == "GET"
        return bool(_shape(self.match.reader).answer == self.shape.answer)

    @property
    def name(self) -> str:
        """A name for programs, as in `token_issue`."""
        owner, _, verb = self.handler.__qualname__.partition(".")
        return f"{owner.removesuffix('Api').lower()}_{verb}"

    @property
    def summary(self) -> str:
        """What it does, for people."""
        return (self.handler.__doc__ or "").partition("\n")[0]

    @property
    def value_names(self) -> tuple[str, ...]:
        """What its path holds beside the workspace."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))


def _shape(handler: Handler) -> Shape:
    hints = typing.get_type_hints(handler)
    query, body = typing.get_args(hints["asked"])
    answer = hints["return"]
    return Shape(query, *(None if one is type(None) else one for one in (body, answer)))
