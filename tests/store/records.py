"""Records to store, each with as little said as the test needs."""

from mcpgw.model.audit import AuditEvent, Outcome
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.model.ruling import Ruling
from mcpgw.model.secret import SealedSecret
from mcpgw.model.server import Launch, Server, StdioLaunch
from mcpgw.model.session import SessionRecord
from mcpgw.model.token import Role, Token
from mcpgw.model.tool_class import ToolClass
from mcpgw.model.workspace import Workspace

NOW = 1_800_000_000.25

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


def event(
    call_id: str = "call_1",
    *,
    workspace_id: str = "ws_demo",
    server: str = "jira",
    exposed: str = "jira__create_issue",
    original: str = "create_issue",
    token_id: str = "tok_1",  # noqa: S107  (an id, no token)
    member: str = "ana@team.org",
    started_at: float = NOW,
    duration_us: int = 1500,
    outcome: Outcome = Outcome.OK,
    request_bytes: int = 120,
) -> AuditEvent:
    return AuditEvent(
        call_id=call_id,
        workspace_id=workspace_id,
        method="tools/call",
        server_id="srv_1",
        server=server,
        exposed=exposed,
        original=original,
        token_id=token_id,
        member=member,
        client_address="127.0.0.1",
        client_name="a client",
        protocol_version="2025-11-25",
        started_at=started_at,
        duration_us=duration_us,
        outcome=outcome,
        error_class="",
        request_bytes=request_bytes,
        result_bytes=2048,
    )
