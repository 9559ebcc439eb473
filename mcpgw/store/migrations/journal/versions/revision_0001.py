"""The table of calls."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Build the table and its indexes."""
    op.create_table(
        "call",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("server_id", sa.Text, nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("exposed", sa.Text, nullable=False),
        sa.Column("original", sa.Text, nullable=False),
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("client_address", sa.Text, nullable=False),
        sa.Column("client_name", sa.Text, nullable=False),
        sa.Column("protocol_version", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("duration_us", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("error_class", sa.Text, nullable=False),
        sa.Column("request_bytes", sa.Integer, nullable=False),
        sa.Column("result_bytes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="call_key"),
    )
    op.create_index("call_by_call_id", "call", ["call_id"])
    op.create_index("call_by_workspace_id_started_at", "call", ["workspace_id", "started_at"])
    op.create_index("call_by_token_id_started_at", "call", ["token_id", "started_at"])
