"""Why a token gets a tool, or does not."""

from mcpgw.gateway.explain import Explanations
from mcpgw.web.api.endpoint import Asked
from mcpgw.web.wire.explain import ExplainQuery, Explanation


class ExplainApi:
    """Handlers."""

    def __init__(self, explanations: Explanations) -> None:
        self._explanations = explanations

    async def explain(self, asked: Asked[ExplainQuery, None]) -> Explanation:
        """Explain why a tool is shown to a token, hidden from it or refused."""
        query = asked.query
        found = await self._explanations.explain(
            asked.principal, asked.slug, query.token, query.tool, query.address or None
        )
        return Explanation.of(found)
