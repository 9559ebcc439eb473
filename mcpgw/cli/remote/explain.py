"""Explanations by a gateway elsewhere."""

from mcpgw.cli.remote.connection import Connection
from mcpgw.gateway import explain as records
from mcpgw.model.token import Principal
from mcpgw.web.wire.explain import ExplainQuery, Explanation


class RemoteExplanations:
    """As `gateway.explain.Explanations`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def explain(
        self,
        principal: Principal,
        slug: str,
        token_id: str,
        tool: str,
        address: str | None = None,
    ) -> records.Explanation:
        """Let the gateway explain what a token gets of a tool."""
        query = ExplainQuery(token=token_id, tool=tool, address=address or "")
        return (await self._connection.get(Explanation, "/explain", query)).explanation()
