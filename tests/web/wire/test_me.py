"""What a token may know of itself."""

from mcpgw.gateway.access import Admission
from mcpgw.gateway.tool import Visible
from mcpgw.model.bounds import Bounds
from mcpgw.model.configuration import Configuration
from mcpgw.model.token import Principal, Role
from mcpgw.model.workspace import Workspace
from mcpgw.web.wire.me import Me


def test_told_of_an_admission() -> None:
    principal = Principal("tok_1", "rita", Role.READONLY, "ws", Bounds(concurrency=3))
    empty = Configuration(1, "install", {}, {}, {}, {}, (), {})
    admission = Admission(principal, Workspace("ws", "demo", 0.0), empty, None)
    me = Me.of(admission, Visible(0, 2, "none", ()))
    assert (me.token, me.workspace, me.bounds.concurrency, me.expires_at) == (
        "tok_1",
        "demo",
        3,
        None,
    )
    assert me.visible.absence == "none"
