"""The first tables, and the id of this installation."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Build every table."""
    _meta_and_workspace()
    _keys()
    _server()
    _secret()
    _token()


def _meta_and_workspace() -> None:
    meta = op.create_table(
        "meta",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="meta_key"),
    )
    op.bulk_insert(meta, [{"name": "install_id", "value": uuid.uuid4().hex}])
    op.create_table(
        "workspace",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="workspace_key"),
        sa.UniqueConstraint("slug", name="workspace_one_per_slug"),
    )


def _keys() -> None:
    op.create_table(
        "keyslot",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="keyslot_key"),
    )
    op.create_table(
        "datakey",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="datakey_key"),
        sa.UniqueConstraint(
            "workspace_id", "kind", "version", name="datakey_one_per_workspace_id_kind_version"
        ),
        _of_workspace("datakey"),
    )


def _server() -> None:
    op.create_table(
        "server",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("launch", sa.Text, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="server_key"),
        sa.UniqueConstraint("workspace_id", "name", name="server_one_per_workspace_id_name"),
        _of_workspace("server"),
    )


def _secret() -> None:
    op.create_table(
        "secret",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("server_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("datakey_id", sa.Text, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="secret_key"),
        sa.UniqueConstraint(
            "server_id", "name", "version", name="secret_one_per_server_id_name_version"
        ),
        _of_workspace("secret"),
        sa.ForeignKeyConstraint(
            ["server_id"], ["server.id"], name="secret_of_server", ondelete="CASCADE"
        ),
    )
    op.create_index("secret_by_workspace_id", "secret", ["workspace_id"])


def _token() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("index", sa.LargeBinary, nullable=False),
        sa.Column("row_mac", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="token_key"),
        sa.UniqueConstraint("index", name="token_one_per_index"),
        _of_workspace("token"),
    )
    op.create_index("token_by_workspace_id", "token", ["workspace_id"])


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id"], ["workspace.id"], name=f"{table}_of_workspace", ondelete="CASCADE"
    )
