"""What is measured: a table of scenarios, each asked of several subjects.

A subject is a way to a server: straight, through the bare proxy, or through the gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bench.client import open_session
from bench.gateway import MANY, SERVER, SERVERS, STDIO, TARGETS, TOOLS_EACH
from bench.load import Load
from bench.message import (
    JSON_HEADERS,
    MARK,
    function_body,
    http_request,
    legacy_body,
    legacy_headers,
    modern_body,
    modern_headers,
)
from bench.process import Process
from bench.reply import BIG_BYTES


class Subject(StrEnum):
    """A way to a server."""

    DIRECT = "direct"
    BARE = "bare proxy"
    GATEWAY = "mcpgw"
    GATEWAY_STDIO = "mcpgw, stdio"
    GATEWAY_LEGACY = "mcpgw, legacy server"
    GATEWAY_NORMAL = "mcpgw, journal normal"
    """The rows outlive a kill, but not a power cut: what the flushes to the disk cost."""


BESIDE = (Subject.DIRECT, Subject.BARE, Subject.GATEWAY)
EVERY_WAY = (*BESIDE, Subject.GATEWAY_STDIO)
EVERY_ROW = (*BESIDE, Subject.GATEWAY_NORMAL, Subject.GATEWAY_STDIO)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question, and over how many connections it is asked."""

    title: str
    connections: int
    subjects: tuple[Subject, ...] = BESIDE
    tool: str = "echo"
    tool_count: int = 0
    text_bytes: int = 0
    has_session: bool = False
    is_function: bool = False
    """Asked of the gateway as a function call; of the others, which have none, as tools/call."""


ECHO_ONE = Scenario("tools/call", 1, EVERY_ROW)
ECHO_MANY = Scenario("tools/call", 32, (*EVERY_ROW, Subject.GATEWAY_LEGACY))
LIST = Scenario("tools/list, 300 tools", 32, tool="", tool_count=SERVERS * TOOLS_EACH)
SCENARIOS = (
    ECHO_ONE,
    ECHO_MANY,
    Scenario("tools/call in a session", 32, has_session=True),
    Scenario("/v1/tool-calls", 32, EVERY_WAY, is_function=True),
    LIST,
    Scenario("100 KB result", 32, EVERY_WAY, tool="big", text_bytes=BIG_BYTES),
)


@dataclass(frozen=True, slots=True)
class Way:
    """Where a subject is reached, and the process that is measured."""

    process: Process
    port: int
    tokens: Mapping[str, str] = field(default_factory=dict)

    def load(self, scenario: Scenario, subject: Subject, warm_s: float, measured_s: float) -> Load:
        """Return the load that asks this subject this question; opens a session where it has one.

        Raises:
            BenchError: there is no session.
            OSError: nobody listens.
        """
        path, authorization, prefix = self._address(scenario, subject)
        method, params = _question(scenario, prefix)
        is_function = scenario.is_function and bool(prefix)
        if is_function:
            path += "/v1/tool-calls"
            headers, body = dict(JSON_HEADERS), function_body(params["name"])
        elif scenario.has_session:
            headers = legacy_headers(open_session(self.port, path, authorization))
            body = legacy_body(method, params)
        else:
            headers, body = modern_headers(method, params), modern_body(method, params)
        host = f"127.0.0.1:{self.port}"
        return Load(
            port=self.port,
            request=http_request(host, path, {**headers, **authorization}, body),
            connections=scenario.connections,
            warm_s=warm_s,
            measured_s=measured_s,
            text_bytes=scenario.text_bytes,
            tool_count=scenario.tool_count,
            is_function=is_function,
        )

    def _address(self, scenario: Scenario, subject: Subject) -> tuple[str, dict[str, str], str]:
        """Return the path, the credential, and what stands before the names of tools."""
        if subject in (Subject.DIRECT, Subject.BARE):
            if scenario.tool_count:
                return f"/tools/{scenario.tool_count}/all", {}, ""
            return TARGETS["http"], {}, ""
        workspace = {Subject.GATEWAY_STDIO: STDIO, Subject.GATEWAY_LEGACY: "legacy"}.get(
            subject, MANY if scenario.tool_count else "http"
        )
        authorization = {"Authorization": f"Bearer {self.tokens[workspace]}"}
        return f"/ws/{workspace}", authorization, f"{SERVER}__"


def _question(scenario: Scenario, prefix: str) -> tuple[str, dict[str, Any]]:
    if scenario.tool_count:
        return "tools/list", {}
    return "tools/call", {"name": prefix + scenario.tool, "arguments": {"nonce": f"nonce-{MARK}"}}
