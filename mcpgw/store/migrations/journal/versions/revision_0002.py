"""The table of sessions that ended or set something."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Build the table and its index."""
    op.create_table(
        "session",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("is_ended", sa.Boolean, nullable=False),
        sa.Column("log_level", sa.Text, nullable=False),
        sa.Column("uris", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="session_key"),
    )
    op.create_index("session_by_started_at", "session", ["started_at"])
