"""Every way to fail has its words, which name the server and quote nobody."""

import errno
import socket
import ssl

import pytest

from mcpgw.errors import UpstreamError, UpstreamTimeout
from mcpgw.upstream.failure import map_errors, refused_speech, status_error, timed_out, too_large

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, CANARY), "refused the connection"),
        (OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] {CANARY}"), "refused"),
        (socket.gaierror(socket.EAI_NONAME, CANARY), "cannot be resolved"),
        (ssl.SSLCertVerificationError(1, CANARY), "certificate"),
        (ssl.SSLError(1, CANARY), "TLS handshake"),
        (ConnectionResetError(CANARY), "reset the connection"),
        (ConnectionAbortedError(CANARY), "reset the connection"),
        (BrokenPipeError(CANARY), "reset the connection"),
        (OSError(errno.EHOSTUNREACH, CANARY), "cannot be reached"),
        (UnicodeError(CANARY), "cannot be reached"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_library_error_is_mapped(error: BaseException, words: str) -> None:
    mapped = map_errors("jira", error)
    assert type(mapped) is UpstreamError
    assert "'jira'" in mapped.message
    assert words in mapped.message
    assert mapped.hint
    assert CANARY not in mapped.message + mapped.hint


def test_a_timeout_is_a_class_of_its_own() -> None:
    assert type(map_errors("jira", TimeoutError(CANARY))) is UpstreamTimeout
    assert "'jira'" in timed_out("jira").message


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refused our credential (401)"),
        (403, "refused our credential (403)"),
        (302, "redirects elsewhere"),
        (404, "no MCP endpoint"),
        (405, "no MCP endpoint"),
        (413, "too large"),
        (429, "limits our requests"),
        (500, "failed (500)"),
        (503, "failed (503)"),
        (202, "without answering"),
        (200, "not MCP"),
        (206, "not MCP"),
        (418, "refused the request (418)"),
        (700, "(700)"),
    ],
)
def test_every_status_has_its_words(status: int, words: str) -> None:
    error = status_error("jira", status)
    assert error.message.startswith("server 'jira' ")
    assert words in error.message


def test_the_rest_names_the_server_too() -> None:
    assert "'jira'" in refused_speech("jira").message
    assert "1024" in too_large("jira", 1024).message
