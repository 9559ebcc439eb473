"""Every table of the journal, once, and the triggers that keep its rows as they are.

Rows say who and what by numbers: what repeats stands in `label`, `caller` and `target`. That they
belong together is no foreign key's affair: the MAC of a row covers what its numbers stand for.
"""

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
    text,
)

from mcpgw.store.tables import NAMES

JOURNAL_SCHEMA = "0004"
"""The newest revision in migrations/journal/versions."""

journal = MetaData(naming_convention=NAMES)

meta = Table(
    "meta",
    journal,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about the file itself: `chain` is its id, `tallied` the last row that the tallies count."""

writer = Table(
    "writer",
    journal,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("began_us", Integer, nullable=False),
)
"""Every process that wrote rows: `serve`, or `box` for a command."""

label = Table(
    "label",
    journal,
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False, unique=True),
)
"""Texts by which rows are looked for (workspace and token ids, names of servers), and error
classes."""

caller = Table(
    "caller",
    journal,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("workspace_id", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("client_name", Text, nullable=False),
    Column("client_version", Text, nullable=False),
    Column("client_address", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("era", Text, nullable=False),
    Column("protocol_version", Text, nullable=False),
)
"""The fields of Caller. `digest` is over all of them, so that one look-up finds the row."""

target = Table(
    "target",
    journal,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("method", Text, nullable=False),
    Column("server_id", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("exposed", Text, nullable=False),
    Column("original", Text, nullable=False),
)
"""The fields of Target, as `caller`."""

call_start = Table(
    "call_start",
    journal,
    Column("seq", Integer, primary_key=True),
    Column("writer_id", Integer, nullable=False),
    Column("caller_id", Integer, nullable=False),
    Column("target_id", Integer, nullable=False),
    Column("started_us", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("request_bytes", Integer, nullable=False),
    Column("arguments", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
"""Calls that went to their server. `seq` counts the rows of this table and the next together, in
the order of commits; `started_us` and `number` are the call's id; `arguments` is a fingerprint."""

call_end = Table(
    "call_end",
    journal,
    Column("seq", Integer, primary_key=True),
    Column("writer_id", Integer),
    Column("start_seq", Integer, unique=True),
    Column("caller_id", Integer, nullable=False),
    Column("target_id", Integer, nullable=False),
    Column("workspace", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("server", Integer, nullable=False),
    Column("started_us", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("error", Integer, nullable=False),
    Column("duration_us", Integer, nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("upstream_us", Integer, nullable=False),
    Column("upstream_status", Integer, nullable=False),
    Column("request_bytes", Integer, nullable=False),
    Column("result_bytes", Integer, nullable=False),
    Column("redactions", Integer, nullable=False),
    Column("restarts", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("arguments", LargeBinary, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("mac", LargeBinary),
    Index(None, "workspace", "started_us"),
    Index(None, "workspace", "server", "started_us"),
    Index(None, "token", "started_us"),
    Index("call_end_failed", "workspace", "started_us", sqlite_where=text("outcome > 2")),
)
"""How calls ended, with all that `call_start` says of them; `start_seq` is null for those that
never started. `mac` and `writer_id` are null in rows of before there were any. Each index costs
every call, so there is none without a question that needs it."""

tally = Table(
    "tally",
    journal,
    Column("hour", Integer, primary_key=True),
    Column("caller_id", Integer, primary_key=True),
    Column("target_id", Integer, primary_key=True),
    Column("outcome", Integer, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("rate_limited", Integer, nullable=False),
    Column("duration_us", Integer, nullable=False),
    Column("upstream_us", Integer, nullable=False),
    Column("request_bytes", Integer, nullable=False),
    Column("result_bytes", Integer, nullable=False),
    Column("slowest_us", Integer, nullable=False),
    Column("slowest_seq", Integer, nullable=False),
    Column("durations", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Calls of each hour (since 1970) added up, so that a year can be read. Made from `call_end`, and
kept longer. `durations` is a packed histogram."""

checkpoint = Table(
    "checkpoint",
    journal,
    Column("seq", Integer, primary_key=True),
    Column("mac", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("made_us", Integer, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""The fields of Checkpoint. Rows behind the newest one cannot be deleted."""

session = Table(
    "session",
    journal,
    Column("id", Text, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("is_ended", Boolean, nullable=False),
    Column("log_level", Text, nullable=False),
    Column("uris", Text, nullable=False),
    Column("started_at", Double, nullable=False, index=True),
    Column("changed_at", Double, nullable=False),
)
"""The fields of SessionRecord; `uris` is a JSON array."""

alert_sent = Table(
    "alert_sent",
    journal,
    Column("alert_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("sent_at", Double, nullable=False),
)
"""When an alert was sent last about something. It is here because it changes like the journal."""

_APPEND_ONLY = """
CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table}
WHEN OLD.seq > coalesce((SELECT max(seq) FROM checkpoint), 0)
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END
"""

_UNCHANGED = """
CREATE TRIGGER {table}_keeps_values BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END
"""

for _table in (call_start, call_end):
    for _trigger in (_APPEND_ONLY, _UNCHANGED):
        _made = DDL(_trigger.format(table=_table.name).strip())  # type: ignore[no-untyped-call]
        event.listen(_table, "after_create", _made)
