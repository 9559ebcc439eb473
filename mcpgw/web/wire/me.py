"""Who one is oneself: what every token may know."""

from mcpgw.gateway.access import Admission
from mcpgw.gateway.tool import Visible
from mcpgw.model.token import Role
from mcpgw.web.wire.moment import Moment, moment
from mcpgw.web.wire.token import Bounds, limits
from mcpgw.web.wire.tool import VisibleTools


class Me(Bounds, frozen=True, kw_only=True):
    """The token that asks: whose it is, what it may do and until when, and which tools it sees.

    Its limits are its own, and the workspace's where it has none.
    """

    token: str
    member: str
    role: Role
    workspace: str
    expires_at: Moment | None
    visible: VisibleTools

    @classmethod
    def of(cls, admission: Admission, visible: Visible) -> "Me":
        """Return what there is to tell of who was let in."""
        principal = admission.principal
        return limits(
            cls,
            principal.bounds,
            token=principal.token_id,
            member=principal.member,
            role=principal.role,
            workspace=admission.workspace.slug,
            expires_at=moment(admission.expires_at),
            visible=VisibleTools.of(visible),
        )
