"""An admin and others before the API of a whole gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from mcpgw.model.token import OPERATOR, Role
from mcpgw.web.api.endpoint import PREFIX
from tests.web.conftest import Answered, Client
from tests.world import World

DEMO = PREFIX.format(slug="demo")


@dataclass
class ApiClient:
    """Asks the API of the workspace `demo` with one token."""

    client: Client
    token: str
    token_id: str

    @property
    def world(self) -> World:
        """The gateway behind it."""
        return self.client.world

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answered:
        """Send a request."""
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        more = {} if body is None else {"json": body}
        return await self.client.ask(method, DEMO + path, headers=given, params=query, **more)

    async def get(self, path: str, **query: Any) -> Any:
        """Return the JSON that a GET answers."""
        answered = await self.ask("GET", path, **query)
        assert answered.status == 200, answered.text
        return answered.json

    async def change(self, method: str, path: str, body: object = None, **query: Any) -> Answered:
        """Change something whatever its state, which must work."""
        answered = await self.ask(method, path, body, {"If-Match": "*"}, **query)
        assert answered.status < 300, answered.text
        return answered

    async def refused(self, status: int, method: str, path: str, *rest: Any, **more: Any) -> Any:
        """Send what must be refused with that status, and return the problem."""
        answered = await self.ask(method, path, *rest, **more)
        assert answered.status == status, answered.text
        assert answered.headers["Content-Type"] == "application/problem+json"
        assert answered.json["status"] == status
        return answered.json


async def enter(client: Client, role: Role, member: str = "ada") -> ApiClient:
    """Issue a token and come with it."""
    issued = await client.world.gateway.tokens.issue(OPERATOR, "demo", member, role)
    return ApiClient(client, issued.text, issued.token.id)


@pytest.fixture
async def admin(client: Client) -> ApiClient:
    return await enter(client, Role.ADMIN)


@pytest.fixture
async def developer(client: Client) -> ApiClient:
    return await enter(client, Role.DEVELOPER, "dev")


@pytest.fixture
async def reader(client: Client) -> ApiClient:
    return await enter(client, Role.READONLY, "rita")
