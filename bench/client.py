"""One request at a time, for what is asked once: a session to open, the first answer of all."""

import http.client
from collections.abc import Mapping

from bench.message import CLIENT_INFO, FIRST_NUMBER, JSON_HEADERS, LEGACY_VERSION, MARK, legacy_body
from bench.process import BenchError

ANSWER_S = 30.0


def ask(
    port: int, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Post a message and return the status, the headers and the body of the answer.

    Raises:
        OSError: nobody listens.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        sent = body.replace(MARK.encode(), b"%d" % FIRST_NUMBER)
        connection.request("POST", path, sent, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def open_session(port: int, path: str, headers: Mapping[str, str]) -> str:
    """Open a session as a legacy client and return its id.

    Raises:
        BenchError: there is none.
    """
    params = {"protocolVersion": LEGACY_VERSION, "capabilities": {}, "clientInfo": CLIENT_INFO}
    body = legacy_body("initialize", params)
    status, answered, said = ask(port, path, {**JSON_HEADERS, **headers}, body)
    session_id = answered.get("Mcp-Session-Id", "")
    if status != 200 or not session_id:
        raise BenchError(f"initialize was answered with {status}: {said[:300]!r}")
    body = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    session = {**JSON_HEADERS, **headers, "Mcp-Session-Id": session_id}
    ask(port, path, {**session, "MCP-Protocol-Version": LEGACY_VERSION}, body)
    return session_id
