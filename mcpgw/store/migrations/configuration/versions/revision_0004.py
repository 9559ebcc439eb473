"""Administrative acts."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEEPS_ROWS = """
CREATE TRIGGER act_keeps_rows BEFORE DELETE ON act
BEGIN SELECT RAISE(ABORT, 'acts are kept'); END
"""

_KEEPS_VALUES = """
CREATE TRIGGER act_keeps_values BEFORE UPDATE ON act
WHEN OLD.mac IS NOT NULL OR NEW.mac IS NULL
    OR (OLD.seq, OLD.at_us, OLD.kind, OLD.workspace_id, OLD.member, OLD.token_id, OLD.role,
        OLD.account, OLD.subject, OLD.detail)
    IS NOT (NEW.seq, NEW.at_us, NEW.kind, NEW.workspace_id, NEW.member, NEW.token_id, NEW.role,
        NEW.account, NEW.subject, NEW.detail)
BEGIN SELECT RAISE(ABORT, 'acts are kept'); END
"""


def upgrade() -> None:
    """Add the table, and the id of its chain."""
    texts = ("kind", "workspace_id", "member", "token_id", "role", "account", "subject", "detail")
    op.create_table(
        "act",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at_us", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("mac", sa.LargeBinary),
        sa.PrimaryKeyConstraint("seq", name="act_key"),
    )
    op.execute(_KEEPS_ROWS.strip())
    op.execute(_KEEPS_VALUES.strip())
    meta = sa.table("meta", sa.column("name", sa.Text), sa.column("value", sa.Text))
    op.bulk_insert(meta, [{"name": "acts", "value": f"acts-{uuid.uuid4().hex[:16]}"}])
