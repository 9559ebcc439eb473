"""Errors of the API: problem details, as RFC 9457 has them. No other path answers so.

Source: RFC 9457.
"""

import msgspec
from aiohttp import web

from mcpgw.errors import GatewayError
from mcpgw.web.errors import HTTP_STATUS, error_headers, json_response, status_of
from mcpgw.web.wire.problem import URN, Problem

MEDIA_TYPE = "application/problem+json"

TITLE = {
    "invalid": "The request can never work as it is",
    "not_found": "There is no such thing",
    "conflict": "The change contradicts what stands",
    "unauthenticated": "A valid token of this workspace is needed",
    "forbidden": "The token does not allow this",
    "limited": "Too much for now",
    "vault_locked": "The master key is missing",
    "storage": "A database cannot be used",
    "protocol": "The peer broke the protocol",
    "cancelled": "The request was taken back",
    "upstream": "A server failed",
    "upstream_headers": "A server refused the headers",
    "upstream_timeout": "A server did not answer in time",
    "internal": "A fault of the gateway",
    "method_not_allowed": "The path does not take this HTTP method",
    "request_timeout": "The request did not arrive in time",
    "precondition_failed": "The thing is not as If-Match says",
    "too_large": "The request is too large",
    "unsupported_media_type": "The request body is of another kind",
    "precondition_required": "If-Match is needed",
}
"""By the last word of a problem's type."""

BY_STATUS = {
    405: "method_not_allowed",
    408: "request_timeout",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    428: "precondition_required",
}
"""The type where the status says more than the error's code."""


FAILED_DEPENDENCY = {"upstream": 424, "upstream_headers": 424, "upstream_timeout": 424}
"""A server that fails is no fault of this gateway here: nothing was to be passed on to it."""


def problem_response(error: GatewayError) -> web.Response:
    """Return the answer to a request of the API that failed."""
    problem = problem_of(error)
    headers = error_headers(error) | {"Content-Type": MEDIA_TYPE}
    return json_response(msgspec.json.encode(problem), problem.status, headers)


def problem_of(error: GatewayError) -> Problem:
    """Return what is told of an error."""
    status = status_of(error)
    is_usual = status == HTTP_STATUS[error.code]
    kind = error.code if is_usual else BY_STATUS.get(status, error.code)
    return Problem(
        type=URN + kind,
        title=TITLE[kind],
        status=FAILED_DEPENDENCY.get(kind, status),
        detail=error.message,
        hint=error.hint,
    )
