"""Two rows a call, numbered and linked by MACs, over dictionaries of what repeats.

Calls of before are kept as rows of ends without a start and without a MAC: what was not signed when
it was written cannot be vouched for later.
"""

import hashlib
import math
import sqlite3
import uuid

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEEPS_ROWS = """
CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table}
WHEN OLD.seq > coalesce((SELECT max(seq) FROM checkpoint), 0)
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END
"""

_KEEPS_VALUES = """
CREATE TRIGGER {table}_keeps_values BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END
"""

CODES = {"ok": 0, "cancelled": 1, "tool_error": 3, "upstream_error": 4, "timeout": 5, "denied": 6}


def upgrade() -> None:
    """Build the tables, take over what is there, drop the old one."""
    meta = op.create_table(
        "meta",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="meta_key"),
    )
    chain = {"name": "chain", "value": f"calls-{uuid.uuid4().hex[:16]}"}
    op.bulk_insert(meta, [chain, {"name": "tallied", "value": "0"}])
    _dictionaries()
    _call_start()
    _call_end()
    _tally()
    op.create_table(
        "checkpoint",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("made_us", sa.Integer, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="checkpoint_key"),
    )
    _take_over(op.get_bind().connection.dbapi_connection)  # type: ignore[arg-type]  # SQLite's
    op.drop_table("call")
    for table in ("call_start", "call_end"):
        op.execute(_KEEPS_ROWS.format(table=table))
        op.execute(_KEEPS_VALUES.format(table=table))


def _dictionaries() -> None:
    op.create_table(
        "writer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("began_us", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="writer_key"),
    )
    op.create_table(
        "label",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="label_key"),
        sa.UniqueConstraint("text", name="label_one_per_text"),
    )
    _dictionary(
        "caller",
        *("workspace_id", "token_id", "member", "role", "client_name", "client_version"),
        *("client_address", "surface", "era", "protocol_version"),
    )
    _dictionary("target", "method", "server_id", "server", "exposed", "original")


def _dictionary(name: str, *texts: str) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        *(sa.Column(text, sa.Text, nullable=False) for text in texts),
        sa.PrimaryKeyConstraint("id", name=f"{name}_key"),
        sa.UniqueConstraint("digest", name=f"{name}_one_per_digest"),
    )


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _call_start() -> None:
    op.create_table(
        "call_start",
        *_numbers("seq", "writer_id", "caller_id", "target_id", "started_us", "number"),
        *_numbers("request_bytes"),
        sa.Column("arguments", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="call_start_key"),
    )


def _call_end() -> None:
    op.create_table(
        "call_end",
        *_numbers("seq"),
        sa.Column("writer_id", sa.Integer),
        sa.Column("start_seq", sa.Integer),
        *_numbers("caller_id", "target_id", "workspace", "token", "server", "started_us"),
        *_numbers("number", "outcome", "error", "duration_us", "bucket", "upstream_us"),
        *_numbers("upstream_status", "request_bytes", "result_bytes", "redactions", "restarts"),
        *_numbers("retries"),
        sa.Column("arguments", sa.LargeBinary, nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary),
        sa.PrimaryKeyConstraint("seq", name="call_end_key"),
        sa.UniqueConstraint("start_seq", name="call_end_one_per_start_seq"),
    )
    op.create_index("call_end_by_workspace_started_us", "call_end", ["workspace", "started_us"])
    op.create_index(
        "call_end_by_workspace_server_started_us", "call_end", ["workspace", "server", "started_us"]
    )
    op.create_index("call_end_by_token_started_us", "call_end", ["token", "started_us"])
    op.create_index(
        "call_end_failed",
        "call_end",
        ["workspace", "started_us"],
        sqlite_where=sa.text("outcome > 2"),
    )


def _tally() -> None:
    op.create_table(
        "tally",
        *_numbers("hour", "caller_id", "target_id", "outcome", "calls", "rate_limited"),
        *_numbers("duration_us", "upstream_us", "request_bytes", "result_bytes", "slowest_us"),
        *_numbers("slowest_seq"),
        sa.Column("durations", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("hour", "caller_id", "target_id", "outcome", name="tally_key"),
        sqlite_with_rowid=False,
    )


_CALLER = (
    "workspace_id, token_id, member, '', client_name, '', client_address, '', '', protocol_version"
)
"""Role, version of the client, surface and era were not recorded."""

_TARGET = "method, server_id, server, exposed, original"

_COPY = f"""
WITH old AS (
    SELECT *, digest_of({_CALLER}) AS calling, digest_of({_TARGET}) AS called FROM call
)
INSERT INTO call_end
SELECT
    old.id, NULL, NULL, caller.id, target.id, w.id, t.id, s.id,
    CAST(started_at * 1e6 AS INTEGER), number_of(call_id), code_of(outcome), e.id, duration_us,
    bucket_of(duration_us), CASE outcome WHEN 'denied' THEN 0 ELSE duration_us END, 0,
    request_bytes, result_bytes, 0, 0, 0, x'', x'', NULL
FROM old
JOIN caller ON caller.digest = calling
JOIN target ON target.digest = called
JOIN label AS w ON w.text = old.workspace_id
JOIN label AS t ON t.text = old.token_id
JOIN label AS s ON s.text = old.server
JOIN label AS e ON e.text = old.error_class
"""  # noqa: S608  (names of ours)
"""Time apart was not measured: nearly all of it was the server's."""


def _take_over(connection: sqlite3.Connection) -> None:
    """Copy the calls of before, with what they repeat."""
    connection.create_function("digest_of", -1, _digest, deterministic=True)
    connection.create_function("code_of", 1, CODES.get, deterministic=True)
    connection.create_function("number_of", 1, _number, deterministic=True)
    connection.create_function("bucket_of", 1, _bucket, deterministic=True)
    for column in ("workspace_id", "token_id", "server", "error_class"):
        connection.execute(f"INSERT OR IGNORE INTO label (text) SELECT {column} FROM call")  # noqa: S608
    for table, columns in (("caller", _CALLER), ("target", _TARGET)):
        connection.execute(
            f"INSERT OR IGNORE INTO {table} SELECT NULL, digest_of({columns}), {columns} FROM call"  # noqa: S608
        )
    connection.execute(_COPY)


def _digest(*texts: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode(texts)).digest()[:16]


def _number(call_id: str) -> int:
    """Return the second part of a call's id; the first is its time."""
    try:
        return int(call_id[18:], 16)
    except ValueError:
        return 0


def _bucket(duration_us: int) -> int:
    """Return the bucket of a duration, as `model/histogram.py` has it."""
    if duration_us <= 50:
        return 0
    return min(255, 1 + int(math.log(duration_us / 50) / math.log(1.1)))
