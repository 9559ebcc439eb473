"""Records to store, each with as little said as the test needs."""

import hmac
from typing import Any

from mcpgw.model.act import Act, ActKind
from mcpgw.model.alert import Alert
from mcpgw.model.audit import CallEnd, Caller, CallStart, Outcome, Target
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.model.ruling import Ruling
from mcpgw.model.secret import SealedSecret
from mcpgw.model.server import Launch, Server, StdioLaunch
from mcpgw.model.session import SessionRecord
from mcpgw.model.token import Role, Token
from mcpgw.model.tool_class import ToolClass
from mcpgw.model.workspace import Workspace
from mcpgw.store.rows import SERVE, Ended, Rows

NOW = 1_800_000_000.25

ACT = Act(int(NOW * 1e6), ActKind.SERVER_ADD, "ws_demo", "ana", "tok_1", "admin", "jira", "a URL")
"""Somebody did something."""

LAUNCH = StdioLaunch(("npx", "-y", "jira"))


def workspace(slug: str = "demo") -> Workspace:
    return Workspace(f"ws_{slug}", slug, NOW)


def datakey(workspace_id: str = "ws_demo", version: int = 1) -> DataKey:
    kind = KeyKind.WORKSPACE if workspace_id else KeyKind.TOKEN
    return DataKey(f"key_{workspace_id}_{version}", kind, workspace_id, version, b"\0w", NOW)


def slot(slot_id: str = "slot_1") -> KeySlot:
    return KeySlot(slot_id, "file", "somewhere", "0123", b"\0wrapped", NOW)


def server(
    name: str = "jira",
    *,
    workspace_id: str = "ws_demo",
    launch: Launch = LAUNCH,
    is_enabled: bool = True,
) -> Server:
    return Server(f"srv_{workspace_id}_{name}", workspace_id, name, name, launch, is_enabled, NOW)


def secret(
    name: str = "JIRA_TOKEN", version: int = 1, server_id: str = "srv_ws_demo_jira"
) -> SealedSecret:
    return SealedSecret(
        f"sec_{server_id}_{name}_{version}",
        "ws_demo",
        server_id,
        name,
        version,
        "key_ws_demo_1",
        b"\x01sealed",
        "0123456789ab",
        NOW,
    )


def token(
    token_id: str = "tok_1",  # noqa: S107  (an id, no token)
    *,
    workspace_id: str = "ws_demo",
    expires_at: float | None = None,
) -> Token:
    return Token(
        token_id,
        workspace_id,
        "ana@team.org",
        Role.DEVELOPER,
        token_id.encode(),
        b"mac",
        NOW,
        expires_at,
        None,
    )


def ruling(tool: str = "search", server_id: str = "srv_ws_demo_jira") -> Ruling:
    return Ruling(server_id, tool, ToolClass.READ, NOW, b"mac")


def alert(alert_id: str = "alert_1", workspace_id: str = "ws_demo") -> Alert:
    return Alert(
        alert_id, workspace_id, "calls(10m) > 5", 60.0, "hooks.example", "key", b"\x01sealed", NOW
    )


def session(
    session_id: str = "session_1",
    *,
    is_ended: bool = False,
    log_level: str = "",
    uris: tuple[str, ...] = (),
    started_at: float = NOW,
) -> SessionRecord:
    return SessionRecord(
        session_id, "ws_demo", "tok_1", is_ended, log_level, uris, started_at, NOW + 1
    )


def sign(message: bytes) -> bytes:
    return hmac.digest(b"the journal's key", message, "sha256")


def new_rows() -> Rows:
    """Return what makes rows of a serving process."""
    rows = Rows(SERVE)
    rows.sign_with(sign)
    return rows


def call_start(
    number: int = 1,
    *,
    workspace_id: str = "ws_demo",
    server: str = "jira",
    exposed: str = "jira__create_issue",
    original: str = "create_issue",
    token_id: str = "tok_1",  # noqa: S107  (an id, no token)
    member: str = "ana@team.org",
    started_at: float = NOW,
    request_bytes: int = 120,
) -> CallStart:
    """Return the start of the call with that number."""
    return CallStart(
        started_us=int(started_at * 1e6),
        number=number,
        caller=Caller(
            workspace_id,
            token_id,
            member,
            role="developer",
            client_name="a client",
            client_version="1.2",
            client_address="127.0.0.1",
            surface="mcp",
            era="legacy",
            protocol_version="2025-11-25",
        ),
        target=Target("tools/call", "srv_1", server, exposed, original),
        request_bytes=request_bytes,
        arguments=b"arguments" + bytes(7),
    )


def call_end(
    number: int = 1,
    *,
    outcome: Outcome = Outcome.OK,
    error_class: str = "",
    duration_us: int = 1500,
    upstream_status: int = 0,
    **start: Any,
) -> CallEnd:
    """Return the end of the call with that number."""
    return CallEnd(
        start=call_start(number, **start),
        outcome=outcome,
        error_class=error_class,
        duration_us=duration_us,
        upstream_us=duration_us // 2,
        upstream_status=upstream_status,
        result_bytes=2048,
        result=b"result" + bytes(10),
        redactions=1,
        restarts=2,
        retries=3,
    )


def ended(number: int = 1, **end: Any) -> Ended:
    """Return the same for a writer."""
    return Ended(call_end(number, **end), None)
