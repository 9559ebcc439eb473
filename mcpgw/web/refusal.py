"""HTTP that is turned away before it means anything to MCP or to us."""

from mcpgw.errors import GatewayError, InvalidInput


class Distinct(GatewayError):
    """An error whose HTTP status says more than its code does."""

    http_status: int


class Refused(InvalidInput, Distinct):
    """A request that is not looked into any further. Says its own HTTP status.

    Its connection ends with it: what follows there might be meant as a part of it.
    """

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.http_status = status
