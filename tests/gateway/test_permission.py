"""The policy's no is an error."""

import pytest

from mcpgw.errors import Forbidden
from mcpgw.gateway.permission import require
from mcpgw.model.policy import Action
from mcpgw.model.token import OPERATOR
from tests.world import stranger


def test_what_the_policy_allows_passes() -> None:
    require(OPERATOR, Action.OPERATE, None)
    require(stranger("w"), Action.USE, "w")


@pytest.mark.parametrize(
    ("action", "workspace_id"), [(Action.READ_CONFIGURATION, "w"), (Action.USE, "other")]
)
def test_what_it_does_not_is_refused(action: Action, workspace_id: str) -> None:
    with pytest.raises(Forbidden, match="not allowed"):
        require(stranger("w"), action, workspace_id)
