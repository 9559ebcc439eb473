"""The route table's types, and the strict match of a request's path to a route.

Paths are compared as they came: nothing is decoded or normalised, so the route that is authorised
is the route that is served. A route cannot be made without saying what it asks of the policy.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from mcpgw.errors import NotFound
from mcpgw.gateway.access import Admission
from mcpgw.model.policy import Action
from mcpgw.web.refusal import Distinct, Refused

PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+|/")
"""No percent sign, no empty or dotted segment that a decoder could turn into another path."""

VALUE = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What may stand where a route's path has a `{name}`."""

MAX_REMEMBERED = 256
"""Paths whose match is kept; a client that asks for endless others only pays for them itself."""


class MethodNotAllowed(NotFound, Distinct):
    """The path exists, but not for this HTTP method. `allowed` lists those that are."""

    http_status = 405

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("this path does not take that HTTP method", f"use {', '.join(allowed)}")
        self.allowed = tuple(allowed)


@dataclass(frozen=True, slots=True)
class Public:
    """A route that anybody may use, and the reason why that is right."""

    reason: str


@dataclass(frozen=True, slots=True)
class OfToken:
    """The action that the role must allow in the token's own workspace: the path names none."""

    action: Action


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `{slug}` in `path` stands for a workspace, any other `{name}` for a value.

    `policy` is the action that the token's role must allow, or `Public`. The handler of a public
    route is given None instead of an admission. `instead` are other routes of that path and method,
    for the requests that their `is_meant` recognises by the headers. A route that is shared serves
    the pages of foreign origins too, those that the settings name.
    """

    method: str
    path: str
    policy: Action | OfToken | Public
    handler: "Handler"
    instead: tuple["Route", ...] = ()
    is_meant: Callable[[web.BaseRequest], bool] | None = None
    is_shared: bool = False

    def wanted_by(self, request: web.BaseRequest) -> "Route":
        """Return the route that a request to this path and method means."""
        for other in self.instead:
            if other.is_meant is not None and other.is_meant(request):
                return other
        return self


Handler = Callable[[web.BaseRequest, Admission | None], Awaitable[web.StreamResponse]]


class Routes:
    """The table of all routes, by path and method."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.table = tuple(one for route in routes for one in (route, *route.instead))
        self._root = _Branch()
        self._matched: dict[tuple[str, str], tuple[Route, str]] = {}
        for route in self.table:
            if not isinstance(route.policy, Action | OfToken | Public):
                raise TypeError(f"the route {route.method} {route.path} declares no policy")
            if isinstance(route.policy, Action) and "{slug}" not in route.path:
                raise TypeError(f"the route {route.path} asks for rights in no workspace")
        for route in routes:
            self._root.grow(route.path.split("/"), route)

    def match(self, method: str, raw_path: str) -> tuple[Route, str]:
        """Return the route of a request and the workspace it names (empty when none).

        Raises:
            Refused: the path is written in a way that could mean another path.
            NotFound: there is no such route.
        """
        matched = self._matched.get((method, raw_path))
        if matched is None:
            route, values = self._match(method, raw_path)
            matched = route, values.get("slug", "")
            # What has other values is one thing of many: it would crowd out what everybody uses.
            if "?" not in raw_path and len(values) < 2 and len(self._matched) < MAX_REMEMBERED:
                self._matched[method, raw_path] = matched
        return matched

    def _match(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        path, _, _ = raw_path.partition("?")
        if not PLAIN_PATH.fullmatch(path) or "/./" in f"{path}/" or "/../" in f"{path}/":
            raise Refused(400, "the path has an encoded, empty or dotted part")
        methods = self._root.find(path.split("/"))
        if not methods:
            raise NotFound("no such path")
        route = methods.get(method)
        if route is None:
            raise MethodNotAllowed(tuple(methods))
        return route, values_of(route.path, path)


def values_of(template: str, raw_path: str) -> Mapping[str, str]:
    """Return what stands for each `{name}` of a route's path in a path that it matches."""
    parts = zip(template.split("/"), raw_path.partition("?")[0].split("/"), strict=True)
    return {name[1:-1]: value for name, value in parts if name.startswith("{")}


@dataclass(slots=True)
class _Branch:
    """A part that paths have in common: the routes that end with it by method, and what follows."""

    routes: dict[str, Route] = field(default_factory=dict)
    fixed: dict[str, "_Branch"] = field(default_factory=dict)
    free: "_Branch | None" = None
    """What follows any value."""

    def grow(self, parts: Sequence[str], route: Route) -> None:
        """Add a route whose path goes on with `parts`."""
        if not parts:
            self.routes[route.method] = route
        elif parts[0].startswith("{"):
            self.free = self.free or _Branch()
            self.free.grow(parts[1:], route)
        else:
            self.fixed.setdefault(parts[0], _Branch()).grow(parts[1:], route)

    def find(self, parts: Sequence[str]) -> Mapping[str, Route]:
        """Return the routes of a path that goes on with `parts`, none when there are none.

        What a route says in words comes before what could be a value.
        """
        if not parts:
            return self.routes
        first, rest = parts[0], parts[1:]
        found = self.fixed[first].find(rest) if first in self.fixed else {}
        if not found and self.free is not None and VALUE.fullmatch(first):
            return self.free.find(rest)
        return found
