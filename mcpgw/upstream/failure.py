"""What can go wrong on the way to a server, translated into our errors: the one seam.

Messages name the server and the class of the failure. Never a header, a body, an address or what
a library said, since that may quote either.
"""

import errno
import socket
import ssl

from mcpgw.errors import HeadersRefused, UpstreamError, UpstreamTimeout


def map_errors(server: str, error: BaseException) -> UpstreamError:
    """Return the error to raise, `from None`, for what a library raised."""
    if isinstance(error, TimeoutError):
        return timed_out(server)
    text, hint = _describe(error)
    return UpstreamError(f"server {server!r} {text}", hint)


def timed_out(server: str) -> UpstreamTimeout:
    """Return the error for an answer that did not come in time."""
    return UpstreamTimeout(
        f"server {server!r} did not answer in time", "try again, or raise the timeout"
    )


def is_ours(error: BaseException) -> bool:
    """Say whether a call ended by us, cancelled or out of time, so that its server goes on."""
    return not isinstance(error, UpstreamError) or isinstance(error, UpstreamTimeout)


def status_error(server: str, status: int) -> UpstreamError:
    """Return the error for an HTTP answer that carries no JSON-RPC message."""
    for statuses, text, hint in _BY_STATUS:
        if status in statuses:
            return UpstreamError(f"server {server!r} {text} ({status})", hint, status)
    problem = f"server {server!r} gave an answer that MCP does not know ({status})"
    return UpstreamError(problem, status=status)


def too_large(server: str, limit_bytes: int) -> UpstreamError:
    """Return the error for an answer above the limit."""
    return UpstreamError(
        f"server {server!r} gave an answer of more than {limit_bytes} bytes",
        "ask for less, or raise MCPGW_MAX_MESSAGE",
    )


def refused_speech(server: str) -> UpstreamError:
    """Return the error for a server that objects to our version or headers, not to the call."""
    return UpstreamError(
        f"server {server!r} refused how we speak to it",
        "try again: the protocol revision is agreed on anew",
    )


def headers_refused(server: str) -> HeadersRefused:
    """Return the error for a server that finds our headers at odds with the call."""
    return HeadersRefused(
        f"server {server!r} refused the call's headers: its tools may have changed", "try again"
    )


def _describe(error: BaseException) -> tuple[str, str]:
    for kinds, text, hint in _BY_KIND:
        if isinstance(error, kinds):
            return text, hint
    # Several addresses refused: asyncio folds them into one OSError without a number.
    if f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return _REFUSED
    return "cannot be reached over the network", "check the URL and the network"


_REFUSED = ("refused the connection", "check that it is running and listens on that port")

_BY_KIND: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    (
        (ssl.SSLCertVerificationError,),
        "showed a TLS certificate that is not trusted",
        "check the URL's host name, or name your authority's certificates in SSL_CERT_FILE",
    ),
    ((ssl.SSLError,), "failed the TLS handshake", "check that the URL's port speaks TLS"),
    ((socket.gaierror,), "has a host name that cannot be resolved", "check the URL's host name"),
    ((ConnectionRefusedError,), *_REFUSED),
    (
        (ConnectionResetError, ConnectionAbortedError, BrokenPipeError),
        "reset the connection",
        "try again; look at the server's log",
    ),
)

_BY_STATUS: tuple[tuple[range | tuple[int, ...], str, str], ...] = (
    ((401, 403), "refused our credential", "check its secret: mcpgw secret list, secret set"),
    (range(300, 400), "redirects elsewhere, which is not followed", "register the final URL"),
    ((404, 405, 410), "has no MCP endpoint at its URL", "check the path of the URL"),
    ((413,), "finds the request too large", ""),
    ((429,), "limits our requests", "try again later"),
    (range(500, 600), "failed", "try again later; look at the server's log"),
    ((202, 204), "took the request without answering it", "check that the URL is an MCP endpoint"),
    (
        range(200, 300),
        "answered with something that is not MCP",
        "check that the URL is an MCP endpoint, not a web page",
    ),
    (range(400, 500), "refused the request", "check that the URL is an MCP endpoint"),
)
