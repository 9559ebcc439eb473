"""Why a token gets a tool, or does not."""

from typing import Annotated

from msgspec import Meta, Struct

from mcpgw.gateway import explain as records
from mcpgw.gateway.explain import Verdict
from mcpgw.web.wire.page import Query


class ExplainQuery(Query, frozen=True, kw_only=True):
    """Which token and which tool, used from an address if one is given."""

    token: Annotated[str, Meta(min_length=1, max_length=64)]
    tool: Annotated[str, Meta(min_length=1, max_length=128)]
    address: Annotated[str, Meta(max_length=64)] = ""


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `fails` is what failing means; null when it passed."""

    name: str
    detail: str
    fails: Verdict | None


class Explanation(Struct, frozen=True, kw_only=True):
    """What becomes of a tool for a token, why, and all that was looked at."""

    token: str
    tool: str
    verdict: Verdict
    reason: str
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, found: records.Explanation) -> "Explanation":
        """Return what there is to tell of a record."""
        return cls(
            token=found.token_id,
            tool=found.tool,
            verdict=found.verdict,
            reason=found.reason,
            checks=tuple(
                Check(name=one.name, detail=one.detail, fails=one.fails) for one in found.checks
            ),
        )

    def explanation(self) -> records.Explanation:
        """Return the record."""
        checks = tuple(records.Check(one.name, one.detail, one.fails) for one in self.checks)
        return records.Explanation(self.token, self.tool, self.verdict, self.reason, checks)
