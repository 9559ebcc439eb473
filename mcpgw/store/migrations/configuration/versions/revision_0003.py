"""Alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "alert",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("when", sa.Text, nullable=False),
        sa.Column("every_s", sa.Double, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("datakey_id", sa.Text, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="alert_key"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name="alert_of_workspace", ondelete="CASCADE"
        ),
    )
    op.create_index("alert_by_workspace_id", "alert", ["workspace_id"])
