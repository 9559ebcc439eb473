"""Who one is oneself: what every token may know."""

from msgspec import Struct

from mcpgw.gateway.access import Admission
from mcpgw.gateway.tool import Visible
from mcpgw.model.token import Role
from mcpgw.web.wire.moment import Moment, moment
from mcpgw.web.wire.token import Bounds
from mcpgw.web.wire.tool import VisibleTools


class Me(Struct, frozen=True, kw_only=True):
    """The token that asks: whose it is, what it may do and until when, and which tools it sees.

    `bounds` are its own, and the workspace's where it has none.
    """

    token: str
    member: str
    role: Role
    workspace: str
    expires_at: Moment | None
    bounds: Bounds
    visible: VisibleTools

    @classmethod
    def of(cls, admission: Admission, visible: Visible) -> "Me":
        """Return what there is to tell of who was let in."""
        principal = admission.principal
        return cls(
            token=principal.token_id,
            member=principal.member,
            role=principal.role,
            workspace=admission.workspace.slug,
            expires_at=moment(admission.expires_at),
            bounds=Bounds.of(principal.bounds),
            visible=VisibleTools.of(visible),
        )
