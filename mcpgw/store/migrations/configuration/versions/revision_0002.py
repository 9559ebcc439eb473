"""Bounds of tokens, settings of workspaces, approved servers, rulings on tools."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns to their tables, and the new table."""
    with op.batch_alter_table("token", recreate="always") as batch:
        batch.add_column(sa.Column("bounds", sa.Text, nullable=False, server_default="{}"))
    with op.batch_alter_table("workspace", recreate="always") as batch:
        batch.add_column(sa.Column("settings", sa.Text, nullable=False, server_default="{}"))
        batch.add_column(
            sa.Column("settings_mac", sa.LargeBinary, nullable=False, server_default="")
        )
    with op.batch_alter_table("server", recreate="always") as batch:
        batch.add_column(
            sa.Column("is_approved", sa.Boolean, nullable=False, server_default=sa.false())
        )
        # What there is was added at the box, by who may reach private networks.
        batch.add_column(
            sa.Column("is_private_allowed", sa.Boolean, nullable=False, server_default=sa.true())
        )
    op.create_table(
        "ruling",
        sa.Column("server_id", sa.Text, nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("ruled_at", sa.Double, nullable=False),
        sa.Column("row_mac", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "tool", name="ruling_key"),
        sa.ForeignKeyConstraint(
            ["server_id"], ["server.id"], name="ruling_of_server", ondelete="CASCADE"
        ),
    )
