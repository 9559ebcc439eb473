"""The route table's types, and the strict match of a request's path to a route.

Paths are compared as they came: nothing is decoded or normalised, so the route that is authorised
is the route that is served. A route cannot be made without saying what it asks of the policy.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from mcpgw.errors import NotFound
from mcpgw.gateway.access import Admission
from mcpgw.model.policy import Action
from mcpgw.web.refusal import Refused

PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+|/")
"""No percent sign, no empty or dotted segment that a decoder could turn into another path."""


MAX_REMEMBERED = 256
"""Paths whose match is kept; a client that asks for endless others only pays for them itself."""


class MethodNotAllowed(NotFound):
    """The path exists, but not for this HTTP method. `allowed` lists those that are."""

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
    """One route. `{slug}` in `path` stands for a workspace.

    `policy` is the action that the token's role must allow, or `Public`. The handler of a public
    route is given None instead of an admission. `instead` are other routes of that path and method,
    for the requests that their `is_meant` recognises by the headers.
    """

    method: str
    path: str
    policy: Action | OfToken | Public
    handler: "Handler"
    instead: tuple["Route", ...] = ()
    is_meant: Callable[[web.BaseRequest], bool] | None = None

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
        self._by_path: dict[str, dict[str, Route]] = {}
        self._matched: dict[tuple[str, str], tuple[Route, str]] = {}
        for route in self.table:
            if not isinstance(route.policy, Action | OfToken | Public):
                raise TypeError(f"the route {route.method} {route.path} declares no policy")
            if isinstance(route.policy, Action) and "{slug}" not in route.path:
                raise TypeError(f"the route {route.path} asks for rights in no workspace")
        for route in routes:
            self._by_path.setdefault(route.path, {})[route.method] = route

    def match(self, method: str, raw_path: str) -> tuple[Route, str]:
        """Return the route of a request and the workspace it names (empty when none).

        Raises:
            Refused: the path is written in a way that could mean another path.
            NotFound: there is no such route.
        """
        matched = self._matched.get((method, raw_path))
        if matched is None:
            matched = self._match(method, raw_path)
            if "?" not in raw_path and len(self._matched) < MAX_REMEMBERED:
                self._matched[method, raw_path] = matched
        return matched

    def _match(self, method: str, raw_path: str) -> tuple[Route, str]:
        path, _, _ = raw_path.partition("?")
        if not PLAIN_PATH.fullmatch(path) or "/./" in f"{path}/" or "/../" in f"{path}/":
            raise Refused(400, "the path has an encoded, empty or dotted part")
        template, slug = _template(path)
        methods = self._by_path.get(template)
        if methods is None:
            raise NotFound("no such path")
        route = methods.get(method)
        if route is None:
            raise MethodNotAllowed(tuple(methods))
        return route, slug


def _template(path: str) -> tuple[str, str]:
    """Return the path with its workspace replaced by `{slug}`, and the workspace."""
    parts = path.split("/")
    if parts[1] == "ws" and len(parts) > 2:
        return "/".join(("", "ws", "{slug}", *parts[3:])), parts[2]
    if parts[1:4] == ["api", "v1", "workspaces"] and len(parts) > 4:
        return "/".join(("", "api", "v1", "workspaces", "{slug}", *parts[5:])), parts[4]
    return path, ""
