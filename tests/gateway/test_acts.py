"""Whatever changes the configuration says who did it, in the transaction that changes it."""

from pathlib import Path

import mcpgw.store
from mcpgw.model.act import ActKind
from mcpgw.model.bounds import Bounds
from mcpgw.model.secret import Secret
from mcpgw.model.server import StdioLaunch
from mcpgw.model.token import OPERATOR, Role
from mcpgw.model.tool_class import ToolClass
from mcpgw.model.workspace import WorkspaceSettings
from tests.world import World

CANARY = "canary-in-a-secret"


async def test_every_change_is_an_act(world: World) -> None:
    gateway = world.gateway
    admin = (await world.admission(Role.ADMIN, "ada")).principal
    await world.server("git", log="x")
    await gateway.servers.add(
        OPERATOR, "demo", "local", StdioLaunch(("run", CANARY)), is_tried=False
    )
    await gateway.servers.set_approved(OPERATOR, "demo", "local", True)
    await gateway.servers.set_enabled(admin, "demo", "local", False)
    await gateway.servers.set_enabled(admin, "demo", "local", True)
    await gateway.servers.set_approved(OPERATOR, "demo", "local", False)
    await gateway.servers.remove(OPERATOR, "demo", "local")
    await gateway.secrets.set(admin, "demo", "git", "KEY", Secret(CANARY))
    await gateway.secrets.delete(admin, "demo", "git", "KEY")
    issued = await gateway.tokens.issue(admin, "demo", "bob", Role.DEVELOPER)
    rotated = await gateway.tokens.rotate(admin, "demo", issued.token.id, 60.0)
    await gateway.tokens.revoke(admin, "demo", rotated.token.id)
    await gateway.tokens.revoke(admin, "demo", rotated.token.id)  # changes nothing
    await gateway.members.offboard(admin, "demo", "bob")
    await gateway.tools.rule(admin, "demo", "git__log", ToolClass.READ)
    await gateway.tools.rule(admin, "demo", "git__log", None)
    settings = WorkspaceSettings(ttl_s=60.0, bounds=Bounds(concurrency=5))
    await gateway.workspaces.set(admin, "demo", settings)
    url = Secret(f"https://hooks.example/{CANARY}")
    alert = await gateway.alerts.add(OPERATOR, "demo", "calls > 5", url, 60.0)
    await gateway.alerts.remove(admin, "demo", alert.id)
    await gateway.audit.prune(OPERATOR, 86400.0)
    await gateway.workspaces.delete(OPERATOR, "demo")
    told = [f"{act.role} {act.kind} {act.subject}: {act.detail}" for act in world.store.acts]
    ids = issued.token.id, rotated.token.id
    assert told == [
        "operator key.make master key: file",
        "operator workspace.create demo: ",
        f"operator token.issue {admin.token_id}: ada, admin",
        "operator server.add git: a URL",
        "operator server.add local: a command",
        "operator server.approve local: a command",
        "admin server.disable local: a command",
        "admin server.enable local: a command",
        "operator server.withdraw local: a command",
        "operator server.remove local: a command",
        "admin secret.set KEY of git: ",
        "admin secret.delete KEY of git: ",
        f"admin token.issue {ids[0]}: bob, developer",
        f"admin token.rotate {ids[0]} {ids[1]}: bob, developer",
        f"admin token.revoke {ids[1]}: bob, developer",
        f"admin token.revoke {ids[0]}: bob, developer",
        "admin tool.class git__log: read",
        "admin tool.class git__log: auto",
        'admin workspace.set demo: {"readonly_tools":"classified","ttl_s":60.0,"concurrency":5}',
        f"operator alert.add {alert.id}: calls(10m) > 5",
        f"admin alert.remove {alert.id}: calls(10m) > 5",
        "operator logs.prune calls: older than 1d",
        "operator workspace.delete demo: ",
    ]
    assert {act.kind for act in world.store.acts} == set(ActKind)
    assert CANARY not in repr(world.store.acts)
    assert {act.member for act in world.store.acts} == {"operator", "ada"}
    by_token = {act.token_id for act in world.store.acts if act.member == "ada"}
    assert by_token == {admin.token_id}


def test_the_configuration_is_written_with_an_act_only() -> None:
    folder = Path(mcpgw.store.__file__).parent
    writing = {path.name for path in folder.glob("*.py") if "_database.write(" in path.read_text()}
    assert writing == {"act.py"}
