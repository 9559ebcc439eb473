"""Every table of the configuration, once; those of the journal stand in `journal_tables.py`.

Statements are made from these tables and nothing else; the migrations build them, and a test
proves that both agree. The schema number lets a start see without Alembic whether one is due.
"""

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    true,
)

CONFIGURATION_SCHEMA = "0004"
"""The newest revision in migrations/configuration/versions."""

NAMES = {
    "ix": "%(table_name)s_by_%(column_0_N_name)s",
    "uq": "%(table_name)s_one_per_%(column_0_N_name)s",
    "fk": "%(table_name)s_of_%(referred_table_name)s",
    "pk": "%(table_name)s_key",
}

configuration = MetaData(naming_convention=NAMES)

meta = Table(
    "meta",
    configuration,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about the database itself: `install_id`, and `acts`, the id of the chain of acts."""

workspace = Table(
    "workspace",
    configuration,
    Column("id", Text, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("settings", Text, nullable=False, server_default="{}"),
    Column("settings_mac", LargeBinary, nullable=False, server_default=""),
)
"""`settings` is JSON."""

server = Table(
    "server",
    configuration,
    Column("id", Text, primary_key=True),
    Column("workspace_id", ForeignKey(workspace.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("launch", Text, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("position", Integer, nullable=False),
    Column("is_approved", Boolean, nullable=False, server_default=false()),
    Column("is_private_allowed", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("workspace_id", "name"),
)
"""`launch` is JSON; `position` keeps the order of adding, which a clock cannot."""

keyslot = Table(
    "keyslot",
    configuration,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
)

datakey = Table(
    "datakey",
    configuration,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("workspace_id", ForeignKey(workspace.c.id, ondelete="CASCADE")),
    Column("version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("workspace_id", "kind", "version"),
)
"""`workspace_id` is null for the keys of the house."""

secret = Table(
    "secret",
    configuration,
    Column("id", Text, primary_key=True),
    Column(
        "workspace_id", ForeignKey(workspace.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("server_id", ForeignKey(server.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("datakey_id", Text, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("server_id", "name", "version"),
)

token = Table(
    "token",
    configuration,
    Column("id", Text, primary_key=True),
    Column(
        "workspace_id", ForeignKey(workspace.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("member", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("index", LargeBinary, nullable=False, unique=True),
    Column("row_mac", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("bounds", Text, nullable=False, server_default="{}"),
)
"""`bounds` is JSON."""

ruling = Table(
    "ruling",
    configuration,
    Column("server_id", ForeignKey(server.c.id, ondelete="CASCADE"), primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("ruled_at", Double, nullable=False),
    Column("row_mac", LargeBinary, nullable=False),
)

alert = Table(
    "alert",
    configuration,
    Column("id", Text, primary_key=True),
    Column(
        "workspace_id", ForeignKey(workspace.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("when", Text, nullable=False),
    Column("every_s", Double, nullable=False),
    Column("host", Text, nullable=False),
    Column("datakey_id", Text, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
)
"""The fields of Alert; `blob` is the sealed URL of its webhook."""

act = Table(
    "act",
    configuration,
    Column("seq", Integer, primary_key=True),
    Column("at_us", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("mac", LargeBinary),
)
"""Administrative acts, numbered without a gap; they outlive what they are about. `mac` is null
until somebody has the key."""

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

for _trigger in (_KEEPS_ROWS, _KEEPS_VALUES):
    event.listen(act, "after_create", DDL(_trigger.strip()))  # type: ignore[no-untyped-call]
